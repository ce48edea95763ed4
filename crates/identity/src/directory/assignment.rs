//! App role assignments.

use bartizan_contract::ObjectId;
use bartizan_contract::graph::{AppRole, NewAppRoleAssignment};

use super::DirectoryError;

/// Checks that a role can be assigned to a service principal: the resource offers it, it is
/// enabled and for applications, and it is not assigned yet. All zeros stand for access without a
/// role, which resources without roles for applications give.
///
/// # Errors
/// [`DirectoryError::NoSuchRole`], [`DirectoryError::RoleNotForPrincipal`],
/// [`DirectoryError::AlreadyAssigned`].
pub fn check_assignment(
    new: &NewAppRoleAssignment,
    resource_name: &str,
    offered: &[AppRole],
    held: &[(ObjectId, uuid::Uuid)],
) -> Result<(), DirectoryError> {
    let no_such_role = || DirectoryError::NoSuchRole {
        resource: resource_name.to_owned(),
    };
    if !new.app_role_id.is_nil() {
        let role = offered
            .iter()
            .find(|r| r.id == new.app_role_id && r.is_enabled)
            .ok_or_else(no_such_role)?;
        if !role.allowed_member_types.iter().any(|t| t == "Application") {
            return Err(DirectoryError::RoleNotForPrincipal {
                principal: "Application",
            });
        }
    }
    if held.contains(&(new.resource_id, new.app_role_id)) {
        return Err(DirectoryError::AlreadyAssigned);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn role(id: u128, members: &str, is_enabled: bool) -> AppRole {
        AppRole {
            allowed_member_types: vec![members.to_owned()],
            description: None,
            display_name: None,
            id: Uuid::from_u128(id),
            is_enabled,
            origin: None,
            value: Some("Role".to_owned()),
        }
    }

    #[test]
    fn only_roles_that_are_offered_and_not_held() {
        let offered = [
            role(1, "Application", true),
            role(2, "Application", false),
            role(3, "User", true),
        ];
        let resource_id = ObjectId::from_u128(9);
        let check = |id: u128, held: &[(ObjectId, Uuid)]| {
            let new = NewAppRoleAssignment {
                principal_id: ObjectId::from_u128(8),
                resource_id,
                app_role_id: Uuid::from_u128(id),
            };
            check_assignment(&new, "API", &offered, held)
        };
        assert_eq!(check(1, &[]), Ok(()));
        assert_eq!(check(0, &[]), Ok(()));
        assert_eq!(
            check(1, &[(resource_id, Uuid::from_u128(1))]),
            Err(DirectoryError::AlreadyAssigned)
        );
        assert!(matches!(
            check(2, &[]),
            Err(DirectoryError::NoSuchRole { .. })
        ));
        assert!(matches!(
            check(4, &[]),
            Err(DirectoryError::NoSuchRole { .. })
        ));
        assert!(matches!(
            check(3, &[]),
            Err(DirectoryError::RoleNotForPrincipal { .. })
        ));
    }
}
