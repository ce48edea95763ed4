//! App role assignments.

use bartizan_contract::ObjectId;
use bartizan_contract::graph::{AppRole, NewAppRoleAssignment};

use super::DirectoryError;

/// For whom a role must be: what `allowedMemberTypes` calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignee {
    /// A service principal.
    Application,
    /// A user, or a group of users.
    Person,
}

impl Assignee {
    const fn member_type(self) -> &'static str {
        match self {
            Self::Application => "Application",
            Self::Person => "User",
        }
    }
}

/// Checks that a role can be assigned to a principal: the resource, by name and the roles that it offers, has it enabled
/// and for such a principal, and it is not assigned yet. All zeros stand for access without a role, which people get of
/// resources without roles for people.
///
/// # Errors
/// [`DirectoryError::NoSuchRole`], [`DirectoryError::RoleNotForPrincipal`],
/// [`DirectoryError::AlreadyAssigned`].
pub fn check_assignment(
    new: &NewAppRoleAssignment,
    assignee: Assignee,
    (resource_name, offered): (&str, &[AppRole]),
    held: &[(ObjectId, uuid::Uuid)],
) -> Result<(), DirectoryError> {
    let no_such_role = || DirectoryError::NoSuchRole {
        resource: resource_name.to_owned(),
    };
    let wanted = assignee.member_type();
    let fits = |role: &AppRole| role.allowed_member_types.iter().any(|t| t == wanted);
    if new.app_role_id.is_nil() {
        let roles_for_people = offered.iter().any(|role| role.is_enabled && fits(role));
        if assignee == Assignee::Person && roles_for_people {
            return Err(no_such_role());
        }
    } else {
        let role = offered
            .iter()
            .find(|r| r.id == new.app_role_id && r.is_enabled)
            .ok_or_else(no_such_role)?;
        if !fits(role) {
            return Err(DirectoryError::RoleNotForPrincipal { principal: wanted });
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
        let check_for = |assignee, id: u128, held: &[(ObjectId, Uuid)]| {
            let new = NewAppRoleAssignment {
                principal_id: ObjectId::from_u128(8),
                resource_id,
                app_role_id: Uuid::from_u128(id),
            };
            check_assignment(&new, assignee, ("API", &offered), held)
        };
        let check = |id, held: &[_]| check_for(Assignee::Application, id, held);
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
        let for_people = |id| check_for(Assignee::Person, id, &[]);
        assert_eq!(for_people(3), Ok(()));
        for wrong in [0, 1, 2, 4] {
            assert!(for_people(wrong).is_err(), "{wrong}");
        }
        let default = NewAppRoleAssignment {
            principal_id: ObjectId::from_u128(8),
            resource_id,
            app_role_id: Uuid::nil(),
        };
        let plain = ("API", &offered[..1]);
        assert_eq!(
            check_assignment(&default, Assignee::Person, plain, &[]),
            Ok(())
        );
    }
}
