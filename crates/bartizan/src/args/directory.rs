//! `bartizan user`, `group`, `role`, `defender-role`, `device-group`, `sp` and `grant`: what may be typed after them.

use clap::{Args, Subcommand};

use super::Connection;

/// `bartizan user …`
#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Make a user; the password is generated and shown once, or read from standard input.
    Create(Box<UserCreate>),
    /// List users.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// OData filter, such as "startswith(displayName,'a')".
        #[arg(long)]
        filter: Option<String>,
    },
    /// Show a user.
    Show {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Object id or principal name.
        user: String,
    },
    /// Change a user.
    Update(Box<UserUpdate>),
    /// Delete a user. It cannot be taken back.
    Delete {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Object id or principal name.
        user: String,
        /// Do it: without this, it is only said what would go.
        #[arg(long)]
        yes: bool,
    },
    /// Set a user's password; what was signed in with the old one ends.
    Password {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Object id or principal name.
        user: String,
        /// Read the password from standard input instead of generating one.
        #[arg(long)]
        password_stdin: bool,
        /// Have the user choose another one at the next sign-in.
        #[arg(long, visible_alias = "force-change-password-next-sign-in")]
        must_change: bool,
    },
    /// End everything that a user is signed in to.
    RevokeSessions {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Object id or principal name.
        user: String,
    },
    /// Second factors: authenticator apps and passkeys.
    #[command(subcommand)]
    Mfa(Mfa),
    /// Show who is signed in: with --device-code or --browser.
    Me {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
    },
}

/// `bartizan user mfa …`
#[derive(Debug, Subcommand)]
pub(crate) enum Mfa {
    /// Show whether a user must have a second factor, and which there are.
    Show {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Object id or principal name.
        user: String,
    },
    /// Take all second factors away from a user who lost them, and end what is signed in.
    Reset {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Object id or principal name.
        user: String,
    },
    /// Demand a second factor of a user; who has none sets one up at the next sign-in.
    Require {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Object id or principal name.
        user: String,
    },
    /// Do not demand it of this user any more; the tenant's policy still may.
    NotRequired {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Object id or principal name.
        user: String,
    },
}

/// `bartizan user create`
#[derive(Debug, Args)]
pub(crate) struct UserCreate {
    /// Connection.
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Principal name: name@domain, of a domain of the tenant.
    pub(crate) upn: String,
    /// Display name (default: the part before the @).
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Read the password from standard input instead of generating one.
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Have the user choose another password at the first sign-in.
    #[arg(long, visible_alias = "force-change-password-next-sign-in")]
    pub(crate) must_change: bool,
}

/// `bartizan user update`
#[derive(Debug, Args)]
pub(crate) struct UserUpdate {
    /// Connection.
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Object id or principal name.
    pub(crate) user: String,
    /// Display name.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Given name.
    #[arg(long)]
    pub(crate) given_name: Option<String>,
    /// Surname.
    #[arg(long)]
    pub(crate) surname: Option<String>,
    /// Address of mail.
    #[arg(long)]
    pub(crate) mail: Option<String>,
    /// Job title.
    #[arg(long)]
    pub(crate) job_title: Option<String>,
    /// Department.
    #[arg(long)]
    pub(crate) department: Option<String>,
    /// Let the user sign in, or not.
    #[arg(long)]
    pub(crate) enabled: Option<bool>,
    /// Have the user choose another password at the next sign-in, or not any more.
    #[arg(long, visible_alias = "force-change-password-next-sign-in")]
    pub(crate) must_change: Option<bool>,
}

/// `bartizan group …`
#[derive(Debug, Subcommand)]
pub(crate) enum Group {
    /// Make a security group.
    Create {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Display name.
        name: String,
        /// What it is for.
        #[arg(long)]
        description: Option<String>,
        /// Let directory roles be assigned to it; this cannot be changed later.
        #[arg(long)]
        role_assignable: bool,
    },
    /// List groups.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// OData filter, such as "startswith(displayName,'a')".
        #[arg(long)]
        filter: Option<String>,
    },
    /// Show a group.
    Show {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Object id or display name.
        group: String,
    },
    /// Change a group.
    Update(Box<GroupUpdate>),
    /// Show a group's members.
    Members {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Object id or display name.
        group: String,
    },
    /// Put a user or group into a group.
    Add {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Object id or display name.
        group: String,
        /// Principal name, or object id of a user, group or service principal.
        member: String,
    },
    /// Take a member out of a group.
    Remove {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Object id or display name.
        group: String,
        /// Principal name or object id.
        member: String,
    },
    /// Delete a group.
    Delete {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Object id or display name.
        group: String,
    },
}

/// `bartizan group update`
#[derive(Debug, Args)]
pub(crate) struct GroupUpdate {
    /// Connection.
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Object id or display name.
    pub(crate) group: String,
    /// New display name.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// What it is for.
    #[arg(long)]
    pub(crate) description: Option<String>,
}

/// `bartizan role …`
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// List the directory's roles, or who holds which.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Show who holds which role instead.
        #[arg(long)]
        assignments: bool,
        /// Show what this principal holds: object id or principal name.
        #[arg(long)]
        principal: Option<String>,
    },
    /// Give a directory role, such as "Security Reader".
    Assign {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Name of the role.
        role: String,
        /// Principal name, or object id of a user, group or service principal.
        principal: String,
    },
    /// Take a directory role away.
    Unassign {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Name of the role.
        role: String,
        /// Principal name or object id.
        principal: String,
    },
}

/// `bartizan defender-role …`
#[derive(Debug, Subcommand)]
pub(crate) enum DefenderRole {
    /// List custom roles, or the permissions that they may have.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Show who holds which role where instead.
        #[arg(long)]
        assignments: bool,
    },
    /// List the permissions that a role may have.
    Permissions,
    /// Make a custom role.
    Create {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Its name.
        name: String,
        /// A permission, such as alerts.manage; repeat for several.
        #[arg(long = "permission", required = true)]
        permissions: Vec<String>,
    },
    /// Change a custom role.
    Update(Box<DefenderRoleUpdate>),
    /// Delete a custom role, and take it away from whoever holds it.
    Delete {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Name or id.
        role: String,
    },
    /// Give a custom role to a user or group.
    Assign {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Name or id of the role.
        role: String,
        /// Principal name, or object id of a user or group.
        principal: String,
        /// Number of a device group it is limited to (0: devices in no group); repeat for several [default: all].
        #[arg(long = "device-group")]
        device_groups: Vec<i64>,
    },
    /// Take a custom role away, by the assignment's id.
    Unassign {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Id of the assignment.
        id: String,
    },
}

/// `bartizan defender-role update`
#[derive(Debug, Args)]
pub(crate) struct DefenderRoleUpdate {
    /// Connection.
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Name or id.
    pub(crate) role: String,
    /// New name.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// A permission, such as alerts.manage; repeat for several. Replaces those that are there.
    #[arg(long = "permission")]
    pub(crate) permissions: Vec<String>,
}

/// `bartizan device-group …`
#[derive(Debug, Subcommand)]
pub(crate) enum DeviceGroup {
    /// List device groups.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
    },
    /// Make a device group.
    Create {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Its name.
        name: String,
        /// What it is for.
        #[arg(long)]
        description: Option<String>,
    },
    /// Put devices into a group, out of the one that they are in.
    Put {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Number or name of the group; 0 takes devices out of theirs.
        group: String,
        /// Device ids.
        #[arg(required = true)]
        machines: Vec<String>,
    },
    /// Delete a device group; its devices are in none then.
    Delete {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Number or name of the group.
        group: String,
    },
}

/// `bartizan sp …`
#[derive(Debug, Subcommand)]
pub(crate) enum Sp {
    /// List service principals: the applications that have a presence in the tenant.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// OData filter.
        #[arg(long)]
        filter: Option<String>,
    },
    /// Show a service principal.
    Show {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Object id, client id or display name.
        sp: String,
    },
    /// Give an application a presence in the tenant, without consent to anything.
    Create {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Client id.
        #[arg(value_name = "CLIENT_ID")]
        app_id: String,
    },
    /// Let an application sign in to this tenant, or not; let it give tokens for those alone who are assigned to it.
    Update {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Object id, client id or display name.
        sp: String,
        /// Whether it gets tokens.
        #[arg(long, required_unless_present = "assignment_required")]
        enabled: Option<bool>,
        /// Whether only people and applications that are assigned to it get tokens for it.
        #[arg(long)]
        assignment_required: Option<bool>,
    },
    /// Take an application's presence out of the tenant, with everything that was granted to it.
    Delete {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Object id, client id or display name.
        sp: String,
    },
    /// App roles: application permissions that a service principal holds, and the roles of people in an application.
    #[command(subcommand)]
    Assignment(Assignment),
}

/// `bartizan sp assignment …`
#[derive(Debug, Subcommand)]
pub(crate) enum Assignment {
    /// List the app roles that a service principal, user or group holds.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Object id, client id, principal name of a user, or display name of an application or group.
        #[arg(value_name = "PRINCIPAL")]
        sp: String,
    },
    /// Grant an app role to an application, a user or the members of a group.
    Add {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Who gets it: object id, client id, principal name of a user, or display name of an application or group.
        #[arg(value_name = "PRINCIPAL")]
        sp: String,
        /// The role: a permission such as xdr/Incident.Read.All, or with --resource the value of one of its roles; `default`
        /// for access to a resource without roles.
        role: String,
        /// The application that offers the role: object id, client id or display name.
        #[arg(long)]
        resource: Option<String>,
    },
    /// Take an app role away; tokens issued from now on lack it.
    Remove {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Object id, client id, principal name of a user, or display name of an application or group.
        #[arg(value_name = "PRINCIPAL")]
        sp: String,
        /// The assignment's id, or the role's name as the list shows it.
        role: String,
    },
}

/// `bartizan grant …`
#[derive(Debug, Subcommand)]
pub(crate) enum Grant {
    /// List delegated permissions that were granted.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// OData filter, such as "clientId eq '…'".
        #[arg(long)]
        filter: Option<String>,
    },
    /// Show a grant.
    Show {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// The grant's id.
        id: String,
    },
    /// Grant delegated permissions of a resource to a client; what is granted already stays.
    Add {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// The client: object id, client id or display name.
        client: String,
        /// The resource: object id, client id or display name, such as "Microsoft Graph"; or a permission that names it,
        /// such as xdr/Incident.Read.
        resource: String,
        /// Scopes, such as User.Read; or more permissions.
        scopes: Vec<String>,
        /// For this user alone: principal name or object id [default: everybody].
        #[arg(long)]
        user: Option<String>,
    },
    /// Take a grant away.
    #[command(visible_alias = "delete")]
    Remove {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// The grant's id.
        id: String,
    },
}
