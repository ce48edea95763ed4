//! Codes of Defender and Graph, with cause and remedy.

/// Codes of Defender and Graph with cause and remedy.
pub const APIS: &[(&str, &str, &str)] = &[
    (
        "ActiveRequestAlreadyExists",
        "The same action on the same device has not ended yet.",
        "Wait for the pending action, or cancel it first.",
    ),
    (
        "Authorization_RequestDenied",
        "The token is good, but lacks a permission that the call needs, or the user lacks the role.",
        "Grant one of the permissions of the operation, consent to it, and get a new token.",
    ),
    (
        "BadRequest",
        "Something about the request as a whole is wrong; the message says what.",
        "Correct the request; the same request will fail again.",
    ),
    (
        "ClientVersionNotSupported",
        "The action needs a newer sensor on the device.",
        "Update the sensor, then repeat the action.",
    ),
    (
        "Conflict",
        "The object is there already, was changed meanwhile, or something that refers to it stands in the way; the message says which.",
        "Read the object as it is now, then repeat the change or use what is there.",
    ),
    (
        "DisabledFeature",
        "The feature is switched off, or this server does not have it.",
        "Switch it on, or see docs/STATUS.md for what is served.",
    ),
    (
        "DisallowedOperation",
        "The operation is not allowed on this object; the message says why.",
        "Change what the message names first.",
    ),
    (
        "FailedDependency",
        "A part of a batch depends on another part that was refused.",
        "Mend the part that dependsOn names first; its own answer says what was wrong.",
    ),
    (
        "Forbidden",
        "The token is good, but lacks a permission that the call needs, or the user lacks the role.",
        "Grant one of the permissions that the message lists, consent to it, and get a new token: permissions travel in the token.",
    ),
    (
        "GatewayTimeout",
        "The call took longer than a call may.",
        "Ask for less at a time: a shorter period, fewer rows, a filter that comes first.",
    ),
    (
        "InternalServerError",
        "A fault of the server.",
        "Repeat the call later, and report the tracking id when it stays.",
    ),
    (
        "InvalidAuthenticationToken",
        "There is no token, or it is expired, malformed, or for another resource.",
        "Get a token for the resource that is called, and send it after the word Bearer.",
    ),
    (
        "InvalidDomainName",
        "The domain in the path is none.",
        "Send a domain name without scheme and path.",
    ),
    (
        "InvalidHashValue",
        "The hash in the path is none.",
        "Send a SHA-1 or SHA-256 in hexadecimal digits.",
    ),
    (
        "InvalidInput",
        "An argument has a value that is not allowed.",
        "Use one of the values that the message or the operation's documentation lists.",
    ),
    (
        "InvalidIpAddress",
        "The address in the path is none.",
        "Send one IPv4 or IPv6 address without a port.",
    ),
    (
        "InvalidRequestBody",
        "The body is not valid JSON, or a name in it has the wrong letter case.",
        "Compare the body with the operation's documentation, letter case included.",
    ),
    (
        "InvalidUrl",
        "The URL in the path is none.",
        "Encode the URL for use in a path.",
    ),
    (
        "MaximumBatchSizeExceeded",
        "The request has more items than one request may have.",
        "Send fewer at a time; the message carries both numbers.",
    ),
    (
        "MethodNotAllowed",
        "The path does not take this HTTP method.",
        "Use one of the methods that the message lists.",
    ),
    (
        "MissingRequiredParameter",
        "A field is absent, or spelt in another letter case.",
        "Add the field that the message names.",
    ),
    (
        "NotFound",
        "There is no such object or path in this tenant.",
        "Compare id, path and tenant: an object of another tenant does not exist here.",
    ),
    (
        "NotImplemented",
        "The operation is documented, and this server does not have it.",
        "See docs/STATUS.md for what is served.",
    ),
    (
        "ODataError",
        "The OData query is wrong; the message says where.",
        "Filter and order by documented fields alone, with quotes around texts.",
    ),
    (
        "OsPlatformNotSupported",
        "The action does not fit the device's operating system.",
        "Choose devices of a supported platform.",
    ),
    (
        "RequestEntityTooLarge",
        "The body of the request, or the answer to a part of a batch, is larger than allowed.",
        "Send less at a time; the message carries the limit.",
    ),
    (
        "RequestTimeout",
        "The body arrived too slowly.",
        "Send it again over a better connection, or in smaller pieces.",
    ),
    (
        "Request_BadRequest",
        "Something is wrong with the request; the message says what.",
        "Correct the request; the same request will fail again.",
    ),
    (
        "Request_MultipleObjectsWithSameKeyValue",
        "Another object has the value that must be unique.",
        "Use the object that is there, or another value.",
    ),
    (
        "Request_ResourceNotFound",
        "There is no such object in this tenant.",
        "Compare id and tenant, and whether an object id or a client id is wanted.",
    ),
    (
        "Request_UnsupportedQuery",
        "The OData query is not supported on this collection.",
        "Use the documented fields and operators, or filter on the client's side.",
    ),
    (
        "ResourceNotFound",
        "The named object does not exist in this tenant.",
        "Compare the id and the tenant of the token.",
    ),
    (
        "TooManyRequests",
        "A quota of calls is used up.",
        "Wait as long as Retry-After says; ask for larger pages and fewer of them.",
    ),
    (
        "Unauthorized",
        "There is no token, or it is expired, malformed, or for another resource.",
        "Get a token for the resource that is called, and send it after the word Bearer.",
    ),
    (
        "UnknownError",
        "A fault of the server.",
        "Repeat the call later, and report the request id when it stays.",
    ),
    (
        "UnsupportedMediaType",
        "The body has a content type that is not read.",
        "Send JSON, with the content type application/json.",
    ),
];
