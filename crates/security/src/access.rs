//! What a person may do: the token's scope, and a role, and the devices that the role reaches. Decided here alone.
//!
//! An application's token carries its rights in `roles` and reaches every device. A user's token never gives more than
//! the user has: the scope says what the client may do in the user's name, a directory role or a custom Defender role
//! says what the user may do, and the role's device groups say on which devices.

use std::collections::BTreeSet;

use bartizan_contract::access::{
    DefenderPermission, GLOBAL_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR, directory_role,
};
use bartizan_contract::operations::{Api, Method, Operation};
use uuid::Uuid;

/// Devices that a caller sees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DeviceScope {
    /// All of the tenant.
    #[default]
    All,
    /// Those of these device groups; 0 is the group of devices that are in no other.
    Groups(BTreeSet<i64>),
}

impl DeviceScope {
    /// What is seen with either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Groups(mut a), Self::Groups(b)) => {
                a.extend(b);
                Self::Groups(a)
            }
            _ => Self::All,
        }
    }
}

/// A custom Defender role that a user holds, directly or by a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefenderGrant {
    /// What it permits.
    pub permissions: Vec<DefenderPermission>,
    /// Where.
    pub devices: DeviceScope,
}

/// What the directory knows of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserFacts {
    /// Whether the account is enabled.
    pub enabled: bool,
    /// Templates of the directory roles that the user holds, directly or by a group.
    pub roles: Vec<Uuid>,
    /// Custom Defender roles.
    pub defender: Vec<DefenderGrant>,
}

impl UserFacts {
    /// Whether the user holds a directory role by this name.
    #[must_use]
    pub fn holds(&self, name: &str) -> bool {
        self.roles
            .iter()
            .filter_map(|template| directory_role(*template))
            .any(|role| role.name == name)
    }

    /// The devices on which the user has any of these permissions; `None` when on none.
    #[must_use]
    pub fn reach(&self, needs: &[DefenderPermission]) -> Option<DeviceScope> {
        let has = |held: &[DefenderPermission]| {
            held.iter()
                .any(|have| needs.iter().any(|need| have.covers(*need)))
        };
        let by_directory = self
            .roles
            .iter()
            .filter_map(|template| directory_role(*template))
            .any(|role| has(role.defender));
        if by_directory {
            return Some(DeviceScope::All);
        }
        self.defender
            .iter()
            .filter(|grant| has(&grant.permissions))
            .map(|grant| grant.devices.clone())
            .reduce(DeviceScope::or)
    }
}

/// What a caller may do with an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The devices that it sees.
    pub devices: DeviceScope,
    /// Whether it acts by a role or an application permission; false where it may only because the object is its own.
    pub by_right: bool,
    /// Whether it may change people and groups that hold directory roles.
    pub over_roles: bool,
}

/// Why a user may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The account is gone.
    #[error("The user of the token does not exist in this tenant any more.")]
    Gone,
    /// The account is disabled.
    #[error("The account of the token's user is disabled.")]
    Disabled,
    /// The token lacks the scope.
    #[error("the token has none of the scopes")]
    Scope,
    /// The user has the permission on some device groups, and the operation concerns the whole tenant.
    #[error(
        "The user's role is limited to device groups, and this concerns every device of the tenant: it takes the same permission on all devices."
    )]
    Devices,
    /// The user lacks the role.
    #[error("The user has no role that permits this: it takes {needs}.")]
    Role {
        /// What would do, in words.
        needs: String,
    },
}

/// Scopes that reach nobody but the user.
const OWN: &[&str] = &["User.Read", "User.ReadWrite"];
/// Application permission to change who holds directory roles.
const MANAGES_ROLES: &str = "RoleManagement.ReadWrite.Directory";

/// What an application may do with an operation; `None` when none of its roles permits it.
#[must_use]
pub fn of_application<S: AsRef<str>>(operation: &Operation, roles: &[S]) -> Option<Access> {
    operation.allowed_by(roles).then(|| Access {
        devices: DeviceScope::All,
        by_right: true,
        over_roles: roles.iter().any(|role| role.as_ref() == MANAGES_ROLES),
    })
}

/// What a user may do with an operation by a token with `scopes`. `own` says that the object is the
/// user's own account, or an application, service principal or group that the user owns.
///
/// # Errors
/// [`Denial`], scope before role: the first is the client's to mend, the second the administrator's.
pub fn of_user(
    operation: &Operation,
    scopes: &str,
    facts: Option<&UserFacts>,
    own: bool,
) -> Result<Access, Denial> {
    let facts = facts.ok_or(Denial::Gone)?;
    if !facts.enabled {
        return Err(Denial::Disabled);
    }
    let others = operation.path.starts_with("/v1.0/users/") && !own;
    let counted: Vec<&str> = scopes
        .split_ascii_whitespace()
        .filter(|scope| !(others && OWN.contains(scope)))
        .collect();
    if !operation.allowed_by_scopes(&counted.join(" ")) {
        return Err(Denial::Scope);
    }
    let over_roles = [GLOBAL_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR]
        .iter()
        .any(|template| facts.roles.contains(template));
    if !operation.user_needs.is_empty() {
        let devices = facts
            .reach(operation.user_needs)
            .ok_or_else(|| Denial::Role {
                needs: needs(operation),
            })?;
        // What these change holds for the whole tenant: rules, roles, which device is in which group.
        if operation.api == Api::Bartizan
            && operation.method != Method::Get
            && devices != DeviceScope::All
        {
            return Err(Denial::Devices);
        }
        return Ok(Access {
            devices,
            by_right: true,
            over_roles,
        });
    }
    let by_right = operation.user_roles.is_empty()
        || operation.user_roles.iter().any(|role| facts.holds(role));
    let may = by_right || (own && owned(operation));
    if !may {
        return Err(Denial::Role {
            needs: needs(operation),
        });
    }
    Ok(Access {
        devices: DeviceScope::All,
        by_right,
        over_roles,
    })
}

/// Whether a person may do this with what is the person's own, as far as the handler lets: the account, groups, and
/// applications with their service principals, but neither give app roles to it nor consent in the name of others.
fn owned(operation: &Operation) -> bool {
    operation.api == Api::Graph
        && match operation.group {
            "users" | "groups" => !operation.path.contains("/appRole"),
            "applications" | "service principals" => !operation.path.contains("/appRole"),
            _ => false,
        }
}

fn needs(operation: &Operation) -> String {
    if operation.user_needs.is_empty() {
        return format!("the directory role {}", operation.user_roles.join(" or "));
    }
    let names: Vec<String> = operation
        .user_needs
        .iter()
        .map(|permission| format!("'{} / {}'", permission.group(), permission.name()))
        .collect();
    format!(
        "the Defender permission {}, by a custom role or a directory role such as Security Reader (to read), \
         Security Operator or Security Administrator",
        names.join(" or ")
    )
}

#[cfg(test)]
mod tests {
    use bartizan_contract::OperationId;
    use bartizan_contract::access::directory_role_named;

    use super::*;

    fn with(roles: &[&str]) -> UserFacts {
        UserFacts {
            enabled: true,
            roles: roles
                .iter()
                .map(|name| directory_role_named(name).unwrap().template)
                .collect(),
            defender: Vec::new(),
        }
    }

    fn custom(permission: DefenderPermission, groups: &[i64]) -> DefenderGrant {
        DefenderGrant {
            permissions: vec![permission],
            devices: DeviceScope::Groups(groups.iter().copied().collect()),
        }
    }

    #[test]
    fn scope_and_role_are_both_needed() {
        let list = OperationId::XdrListIncidents.operation();
        let reader = with(&["Security Reader"]);
        let access = of_user(list, "Incident.Read", Some(&reader), false).unwrap();
        assert_eq!(access.devices, DeviceScope::All);
        assert_eq!(
            of_user(list, "AdvancedHunting.Read", Some(&reader), false),
            Err(Denial::Scope)
        );
        let nobody = with(&["User Administrator"]);
        assert!(matches!(
            of_user(list, "Incident.Read", Some(&nobody), false),
            Err(Denial::Role { .. })
        ));
        let update = OperationId::XdrUpdateIncident.operation();
        assert!(of_user(update, "Incident.ReadWrite", Some(&reader), false).is_err());
        let operator = with(&["Security Operator"]);
        assert!(of_user(update, "Incident.ReadWrite", Some(&operator), false).is_ok());
        assert_eq!(
            of_user(list, "Incident.Read", None, false),
            Err(Denial::Gone)
        );
        let disabled = UserFacts {
            enabled: false,
            ..reader
        };
        assert_eq!(
            of_user(list, "Incident.Read", Some(&disabled), false),
            Err(Denial::Disabled)
        );
    }

    #[test]
    fn device_groups_add_up_per_permission() {
        let facts = UserFacts {
            enabled: true,
            roles: Vec::new(),
            defender: vec![
                custom(DefenderPermission::SecurityDataRead, &[1]),
                custom(DefenderPermission::SecurityDataRead, &[2]),
                custom(DefenderPermission::ResponseManage, &[3]),
            ],
        };
        let groups = |ids: &[i64]| Some(DeviceScope::Groups(ids.iter().copied().collect()));
        let reach = |permission| facts.reach(&[permission]);
        assert_eq!(reach(DefenderPermission::SecurityDataRead), groups(&[1, 2]));
        assert_eq!(reach(DefenderPermission::ResponseManage), groups(&[3]));
        assert_eq!(reach(DefenderPermission::AlertsManage), None);
    }

    #[test]
    fn device_groups_change_nothing_of_the_whole_tenant() {
        let limited = UserFacts {
            defender: vec![custom(DefenderPermission::AuthorizationManage, &[1])],
            ..with(&[])
        };
        for operation in bartizan_contract::operations::all() {
            let of_all = operation.api == Api::Bartizan
                && operation
                    .user_needs
                    .contains(&DefenderPermission::AuthorizationManage);
            if of_all {
                let scopes = operation.delegated_permissions.join(" ");
                let may = of_user(operation, &scopes, Some(&limited), false);
                assert_eq!(
                    may.err(),
                    (operation.method != Method::Get).then_some(Denial::Devices)
                );
            }
        }
    }

    #[test]
    fn own_scopes_reach_the_own_account_alone() {
        let get = OperationId::GraphGetUser.operation();
        let member = with(&[]);
        assert!(of_user(get, "User.Read", Some(&member), true).is_ok());
        assert_eq!(
            of_user(get, "User.Read", Some(&member), false),
            Err(Denial::Scope)
        );
        assert!(of_user(get, "User.ReadBasic.All", Some(&member), false).is_ok());
        let update = OperationId::GraphUpdateUser.operation();
        let own = of_user(update, "User.ReadWrite", Some(&member), true).unwrap();
        assert!(!own.by_right);
        let admin = with(&["User Administrator"]);
        assert!(of_user(update, "User.ReadWrite.All", Some(&member), false).is_err());
        let by_role = of_user(update, "User.ReadWrite.All", Some(&admin), false).unwrap();
        assert!(by_role.by_right && !by_role.over_roles);
    }

    #[test]
    fn an_application_sees_every_device() {
        let list = OperationId::MdeListMachines.operation();
        let access = of_application(list, &["Machine.Read.All"]).unwrap();
        assert_eq!(access.devices, DeviceScope::All);
        assert!(of_application(list, &["Alert.Read.All"]).is_none());
    }
}
