//! The directory's part of the table from row to handler, and that of who may do what.

use bartizan_contract::OperationId;

use super::{Handler, directory, own};

/// The handler of a row of the directory; `None` for other rows.
pub(super) fn of(id: OperationId) -> Option<Handler> {
    Some(match id {
        OperationId::BartizanListHuntingFunctions => |call| Box::pin(own::functions::list(call)),
        OperationId::BartizanCreateOrReplaceHuntingFunction => {
            |call| Box::pin(own::functions::put(call))
        }
        OperationId::BartizanDeleteHuntingFunction => |call| Box::pin(own::functions::delete(call)),
        OperationId::BartizanDeleteTenant => |call| Box::pin(own::tenants::delete(call)),
        OperationId::GraphListOwnersOfAnApplication => {
            |call| Box::pin(directory::owners::of_application(call))
        }
        OperationId::GraphAddOwnerToAnApplication => {
            |call| Box::pin(directory::owners::add_to_application(call))
        }
        OperationId::GraphRemoveOwnerFromAnApplication => {
            |call| Box::pin(directory::owners::remove_from_application(call))
        }
        OperationId::GraphListOwnersOfAServicePrincipal => {
            |call| Box::pin(directory::owners::of_principal(call))
        }
        OperationId::GraphAddOwnerToAServicePrincipal => {
            |call| Box::pin(directory::owners::add_to_principal(call))
        }
        OperationId::GraphRemoveOwnerFromAServicePrincipal => {
            |call| Box::pin(directory::owners::remove_from_principal(call))
        }
        OperationId::GraphListSignIns => |call| Box::pin(directory::sign_ins::list(call)),
        OperationId::GraphGetSignIn => |call| Box::pin(directory::sign_ins::get(call)),
        OperationId::GraphListUsers => |call| Box::pin(directory::users::list(call)),
        OperationId::GraphCreateUser => |call| Box::pin(directory::users::create(call)),
        OperationId::GraphGetUser => |call| Box::pin(directory::users::get(call)),
        OperationId::GraphUpdateUser => |call| Box::pin(directory::users::update(call)),
        OperationId::GraphDeleteUser => |call| Box::pin(directory::users::delete(call)),
        OperationId::GraphRevokeSignInSessions => {
            |call| Box::pin(directory::users::revoke_sessions(call))
        }
        OperationId::GraphListDelegatedPermissionGrantsOfAUser => {
            |call| Box::pin(directory::grants::of_user(call))
        }
        OperationId::GraphGetMe => |call| Box::pin(directory::users::get(call)),
        OperationId::GraphUpdateMe => |call| Box::pin(directory::users::update(call)),
        OperationId::GraphChangeMyPassword => {
            |call| Box::pin(directory::users::change_password(call))
        }
        OperationId::GraphRevokeMySignInSessions => {
            |call| Box::pin(directory::users::revoke_sessions(call))
        }
        OperationId::GraphListDelegatedPermissionGrantsOfMe => {
            |call| Box::pin(directory::grants::of_user(call))
        }
        OperationId::GraphListGroups => |call| Box::pin(directory::groups::list(call)),
        OperationId::GraphCreateGroup => |call| Box::pin(directory::groups::create(call)),
        OperationId::GraphGetGroup => |call| Box::pin(directory::groups::get(call)),
        OperationId::GraphUpdateGroup => |call| Box::pin(directory::groups::update(call)),
        OperationId::GraphDeleteGroup => |call| Box::pin(directory::groups::delete(call)),
        OperationId::GraphListMembersOfAGroup => |call| Box::pin(directory::groups::members(call)),
        OperationId::GraphAddMemberToAGroup => |call| Box::pin(directory::groups::add_member(call)),
        OperationId::GraphRemoveMemberFromAGroup => {
            |call| Box::pin(directory::groups::remove_member(call))
        }
        OperationId::GraphListDirectoryRoles => |call| Box::pin(directory::roles::activated(call)),
        OperationId::GraphGetDirectoryRole => |call| Box::pin(directory::roles::get(call)),
        OperationId::GraphListMembersOfADirectoryRole => {
            |call| Box::pin(directory::roles::members(call))
        }
        OperationId::GraphAddMemberToADirectoryRole => {
            |call| Box::pin(directory::roles::add_member(call))
        }
        OperationId::GraphRemoveMemberFromADirectoryRole => {
            |call| Box::pin(directory::roles::remove_member(call))
        }
        OperationId::GraphListDirectoryRoleTemplates => {
            |call| Box::pin(directory::roles::templates(call))
        }
        OperationId::GraphListRoleDefinitions => {
            |call| Box::pin(directory::roles::definitions(call))
        }
        OperationId::GraphGetRoleDefinition => {
            |call| Box::pin(directory::roles::definition_by_id(call))
        }
        OperationId::GraphListRoleAssignments => {
            |call| Box::pin(directory::roles::assignments(call))
        }
        OperationId::GraphCreateRoleAssignment => |call| Box::pin(directory::roles::assign(call)),
        OperationId::GraphGetRoleAssignment => |call| Box::pin(directory::roles::assignment(call)),
        OperationId::GraphDeleteRoleAssignment => |call| Box::pin(directory::roles::unassign(call)),
        OperationId::GraphListDelegatedPermissionGrants => {
            |call| Box::pin(directory::grants::list(call))
        }
        OperationId::GraphCreateDelegatedPermissionGrant => {
            |call| Box::pin(directory::grants::create(call))
        }
        OperationId::GraphDeleteDelegatedPermissionGrant => {
            |call| Box::pin(directory::grants::delete(call))
        }
        OperationId::GraphGetDelegatedPermissionGrant => {
            |call| Box::pin(directory::grants::get(call))
        }
        OperationId::GraphUpdateDelegatedPermissionGrant => {
            |call| Box::pin(directory::grants::update(call))
        }
        OperationId::GraphListDelegatedPermissionGrantsOfAClient => {
            |call| Box::pin(directory::grants::of_client(call))
        }
        OperationId::BartizanListDeviceGroups => |call| Box::pin(own::device_groups::list(call)),
        OperationId::BartizanCreateDeviceGroup => |call| Box::pin(own::device_groups::create(call)),
        OperationId::BartizanDeleteDeviceGroup => |call| Box::pin(own::device_groups::delete(call)),
        OperationId::BartizanPutMachinesIntoADeviceGroup => {
            |call| Box::pin(own::device_groups::put_machines(call))
        }
        OperationId::BartizanListDefenderRoles => |call| Box::pin(own::defender_roles::list(call)),
        OperationId::BartizanCreateDefenderRole => {
            |call| Box::pin(own::defender_roles::create(call))
        }
        OperationId::BartizanUpdateDefenderRole => {
            |call| Box::pin(own::defender_roles::update(call))
        }
        OperationId::BartizanDeleteDefenderRole => {
            |call| Box::pin(own::defender_roles::delete(call))
        }
        OperationId::BartizanListDefenderRoleAssignments => {
            |call| Box::pin(own::defender_roles::assignments(call))
        }
        OperationId::BartizanCreateDefenderRoleAssignment => {
            |call| Box::pin(own::defender_roles::assign(call))
        }
        OperationId::BartizanDeleteDefenderRoleAssignment => {
            |call| Box::pin(own::defender_roles::unassign(call))
        }
        OperationId::BartizanGetSecondFactorsOfAUser => {
            |call| Box::pin(own::second_factors::get(call))
        }
        OperationId::BartizanRequireSecondFactorOfAUser => {
            |call| Box::pin(own::second_factors::update(call))
        }
        OperationId::BartizanResetSecondFactorsOfAUser => {
            |call| Box::pin(own::second_factors::reset(call))
        }
        OperationId::BartizanGetTenantPolicy => |call| Box::pin(own::policy::get(call)),
        OperationId::BartizanUpdateTenantPolicy => |call| Box::pin(own::policy::update(call)),
        OperationId::BartizanDeleteDetectionRule => |call| Box::pin(own::rules::delete(call)),
        OperationId::BartizanEndApplicationSecret => |call| Box::pin(own::credentials::end(call)),
        other => return of_relations(other),
    })
}

/// What hangs on a principal or an application: memberships, what it owns, app roles, who vouches for it.
fn of_relations(id: OperationId) -> Option<Handler> {
    Some(match id {
        OperationId::GraphDeleteAppRoleAssignmentOfAGroup
        | OperationId::GraphDeleteAppRoleAssignmentOfAUser
        | OperationId::GraphDeleteAppRoleAssignmentOfMe => {
            |call| Box::pin(directory::assignments::delete(call))
        }
        OperationId::GraphDeleteAssignmentOfAnAppRole => {
            |call| Box::pin(directory::assignments::delete_of_resource(call))
        }
        OperationId::GraphGrantAppRoleToAGroup
        | OperationId::GraphGrantAppRoleToAUser
        | OperationId::GraphGrantAppRoleToMe => {
            |call| Box::pin(directory::assignments::grant(call))
        }
        OperationId::GraphListAppRoleAssignmentsOfAGroup
        | OperationId::GraphListAppRoleAssignmentsOfAUser
        | OperationId::GraphListAppRoleAssignmentsOfMe => {
            |call| Box::pin(directory::assignments::held(call))
        }
        OperationId::GraphGetDirectoryObjectsByIds => {
            |call| Box::pin(directory::directory_objects::by_ids(call))
        }
        OperationId::GraphGetDirectoryObject => {
            |call| Box::pin(directory::directory_objects::get(call))
        }
        OperationId::GraphListAllMembersOfAGroup => {
            |call| Box::pin(directory::groups::all_members(call))
        }
        OperationId::GraphCheckMemberGroupsOfAGroup
        | OperationId::GraphCheckMemberGroupsOfAServicePrincipal
        | OperationId::GraphCheckMemberGroupsOfAUser
        | OperationId::GraphCheckMemberGroupsOfMe => {
            |call| Box::pin(directory::memberships::check(call))
        }
        OperationId::GraphListGroupsAndRolesOfAGroup
        | OperationId::GraphListGroupsAndRolesOfAServicePrincipal
        | OperationId::GraphListGroupsAndRolesOfAUser
        | OperationId::GraphListGroupsAndRolesOfMe => {
            |call| Box::pin(directory::memberships::direct(call))
        }
        OperationId::GraphGetMemberGroupsOfAGroup
        | OperationId::GraphGetMemberGroupsOfAServicePrincipal
        | OperationId::GraphGetMemberGroupsOfAUser
        | OperationId::GraphGetMemberGroupsOfMe => {
            |call| Box::pin(directory::memberships::group_ids(call))
        }
        OperationId::GraphGetMemberObjectsOfAGroup
        | OperationId::GraphGetMemberObjectsOfAServicePrincipal
        | OperationId::GraphGetMemberObjectsOfAUser
        | OperationId::GraphGetMemberObjectsOfMe => {
            |call| Box::pin(directory::memberships::object_ids(call))
        }
        OperationId::GraphListObjectsOwnedByAServicePrincipal
        | OperationId::GraphListObjectsOwnedByAUser
        | OperationId::GraphListObjectsOwnedByMe => {
            |call| Box::pin(directory::memberships::owned(call))
        }
        OperationId::GraphListAllGroupsAndRolesOfAGroup
        | OperationId::GraphListAllGroupsAndRolesOfAServicePrincipal
        | OperationId::GraphListAllGroupsAndRolesOfAUser
        | OperationId::GraphListAllGroupsAndRolesOfMe => {
            |call| Box::pin(directory::memberships::transitive(call))
        }
        OperationId::GraphGetOrganizationById => {
            |call| Box::pin(directory::organization::get(call))
        }
        OperationId::GraphAddOwnerToAGroup => {
            |call| Box::pin(directory::owners::add_to_group(call))
        }
        OperationId::GraphListOwnersOfAGroup => |call| Box::pin(directory::owners::of_group(call)),
        OperationId::GraphRemoveOwnerFromAGroup => {
            |call| Box::pin(directory::owners::remove_from_group(call))
        }
        OperationId::GraphSetVerifiedPublisher => |call| Box::pin(directory::publishers::set(call)),
        OperationId::GraphUnsetVerifiedPublisher => {
            |call| Box::pin(directory::publishers::unset(call))
        }
        _ => return None,
    })
}
