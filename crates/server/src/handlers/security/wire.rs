//! Alerts, incidents and machines as the wires print them: one state, two dialects.
//!
//! Field by field after the pages "List incidents" (Defender XDR), "Alert resource type" and "Machine resource type"
//! (Defender for Endpoint).

use std::collections::HashMap;

use bartizan_contract::time::Timestamp;
use bartizan_contract::{DeviceId, TenantId, mde, xdr};
use bartizan_security::alert::Comment;
use bartizan_security::evidence::{Entity, Evidence};
use bartizan_security::{Alert, Incident, Machine};

const fn time(micros: i64) -> Timestamp {
    Timestamp::from_unix_micros(micros)
}

fn word(value: impl std::fmt::Display) -> String {
    value.to_string()
}

fn comments(comments: &[Comment]) -> Vec<xdr::Comment> {
    let comment = |comment: &Comment| xdr::Comment {
        comment: comment.text.clone(),
        created_by: comment.created_by.clone(),
        created_time: time(comment.created),
    };
    comments.iter().map(comment).collect()
}

/// An incident with its alerts embedded; `machines` supplies what is known of their devices.
pub(crate) fn incident(
    incident: &Incident,
    alerts: &[Alert],
    machines: &HashMap<DeviceId, Machine>,
) -> xdr::Incident {
    xdr::Incident {
        incident_id: incident.id,
        redirect_incident_id: incident.redirect_to,
        incident_name: incident.name.clone(),
        created_time: time(incident.created),
        last_update_time: time(incident.last_update),
        assigned_to: incident.assigned_to.clone(),
        classification: incident
            .classification
            .map_or_else(|| "Unknown".to_owned(), word),
        determination: incident
            .determination
            .map_or("NotAvailable", |d| d.incident_name())
            .to_owned(),
        detection_source: None,
        status: word(incident.status),
        severity: word(incident.severity),
        tags: incident.tags.clone(),
        comments: comments(&incident.comments),
        alerts: alerts
            .iter()
            .map(|alert| xdr_alert(alert, machines))
            .collect(),
    }
}

fn xdr_alert(alert: &Alert, machines: &HashMap<DeviceId, Machine>) -> xdr::Alert {
    let details = &alert.details;
    xdr::Alert {
        alert_id: alert.id.clone(),
        incident_id: alert.incident_id,
        service_source: "MicrosoftDefenderATP".to_owned(),
        creation_time: time(alert.created),
        last_updated_time: time(alert.last_update),
        resolved_time: alert.resolved.map(time),
        first_activity: time(alert.first_activity),
        last_activity: time(alert.last_activity),
        title: alert.title.clone(),
        description: details.description.clone(),
        category: word(alert.category),
        status: word(alert.status),
        severity: word(alert.severity),
        investigation_id: details.investigation_id,
        investigation_state: Some(word(details.investigation_state)),
        classification: alert.classification.map(word),
        determination: alert.determination.map(|d| d.incident_name().to_owned()),
        detection_source: Some(alert.detection_source.clone()),
        assigned_to: alert.assigned_to.clone(),
        actor_name: details.actor_name.clone(),
        threat_family_name: details.threat_family.clone(),
        mitre_techniques: details.mitre_techniques.clone(),
        devices: devices(alert, machines),
        entities: alert.evidence.iter().filter_map(xdr_entity).collect(),
    }
}

/// The ids of every device that an alert names, its own first.
pub(crate) fn device_ids(alert: &Alert) -> Vec<DeviceId> {
    let named = alert
        .evidence
        .iter()
        .filter_map(|evidence| match &evidence.entity {
            Entity::Device(device) => Some(DeviceId::from(device.device_id.as_str())),
            _ => evidence.device_id.clone(),
        });
    let mut ids: Vec<DeviceId> = Vec::new();
    for id in alert.device_id.clone().into_iter().chain(named) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

fn devices(alert: &Alert, machines: &HashMap<DeviceId, Machine>) -> Vec<xdr::Device> {
    let device = |id: DeviceId| {
        let known = machines.get(&id);
        let name = known.and_then(|machine| machine.dns_name.clone());
        xdr::Device {
            aad_device_id: known.and_then(|machine| machine.aad_device_id.clone()),
            device_dns_name: name.or_else(|| alert.details.device_name.clone()),
            os_platform: known.map(|machine| machine.os_platform.clone()),
            version: known.and_then(|machine| machine.version.clone()),
            os_processor: known.and_then(|machine| machine.os_processor.clone()),
            os_build: known.and_then(|machine| machine.os_build),
            health_status: known.map(|machine| word(machine.health)),
            risk_score: known.map(|machine| word(machine.risk_score)),
            rbac_group_name: known.and_then(|machine| machine.rbac_group_name.clone()),
            rbac_group_id: known.map(|machine| machine.rbac_group_id),
            first_seen: known.map(|machine| time(machine.first_seen)),
            mdatp_device_id: Some(id),
        }
    };
    device_ids(alert).into_iter().map(device).collect()
}

/// Evidence as XDR prints it: the record of Defender for Endpoint without the parent's file, with the device; devices
/// have a list of their own.
fn xdr_entity(evidence: &Evidence) -> Option<xdr::Entity> {
    let mde = mde_evidence(evidence)?;
    Some(xdr::Entity {
        entity_type: mde.entity_type,
        sha1: mde.sha1,
        sha256: mde.sha256,
        file_name: mde.file_name,
        file_path: mde.file_path,
        process_id: mde.process_id,
        process_command_line: mde.process_command_line,
        process_creation_time: mde.process_creation_time,
        parent_process_id: mde.parent_process_id,
        parent_process_creation_time: mde.parent_process_creation_time,
        ip_address: mde.ip_address,
        url: mde.url,
        account_name: mde.account_name,
        domain_name: mde.domain_name,
        user_sid: mde.user_sid,
        aad_user_id: mde.aad_user_id,
        user_principal_name: mde.user_principal_name,
        registry_hive: mde.registry_hive,
        registry_key: mde.registry_key,
        registry_value_type: mde.registry_value_type,
        registry_value: mde.registry_value,
        device_id: evidence.device_id.clone(),
        ..xdr::Entity::default()
    })
}

/// An alert of Defender for Endpoint; `with_evidence` as `$expand=evidence` asks.
pub(crate) fn mde_alert(
    alert: &Alert,
    tenant: TenantId,
    machine: Option<&Machine>,
    with_evidence: bool,
) -> mde::Alert {
    let details = &alert.details;
    let name = machine.and_then(|machine| machine.dns_name.clone());
    mde::Alert {
        id: alert.id.clone(),
        incident_id: Some(alert.incident_id),
        investigation_id: details.investigation_id,
        assigned_to: alert.assigned_to.clone(),
        severity: word(alert.severity),
        status: word(alert.status),
        classification: alert.classification.map(word),
        determination: alert.determination.map(|d| d.alert_name().to_owned()),
        investigation_state: Some(word(details.investigation_state)),
        detection_source: alert.detection_source.clone(),
        detector_id: Some(alert.rule_id.clone()),
        category: word(alert.category),
        threat_family_name: details.threat_family.clone(),
        title: alert.title.clone(),
        description: details.description.clone(),
        alert_creation_time: Some(time(alert.created)),
        first_event_time: Some(time(alert.first_activity)),
        last_event_time: Some(time(alert.last_activity)),
        last_update_time: Some(time(alert.last_update)),
        resolved_time: alert.resolved.map(time),
        machine_id: alert
            .device_id
            .clone()
            .unwrap_or_else(|| DeviceId::from("")),
        computer_dns_name: name.or_else(|| details.device_name.clone()),
        rbac_group_name: machine.and_then(|machine| machine.rbac_group_name.clone()),
        aad_tenant_id: tenant,
        threat_name: details.threat_name.clone(),
        mitre_techniques: details.mitre_techniques.clone(),
        related_user: related_user(alert),
        comments: comments(&details.comments),
        evidence: if with_evidence {
            alert.evidence.iter().filter_map(mde_evidence).collect()
        } else {
            Vec::new()
        },
    }
}

fn related_user(alert: &Alert) -> Option<mde::RelatedUser> {
    alert
        .evidence
        .iter()
        .find_map(|evidence| match &evidence.entity {
            Entity::User(user) => Some(mde::RelatedUser {
                user_name: user.account_name.clone(),
                domain_name: user.domain_name.clone(),
            }),
            _ => None,
        })
}

/// Evidence as Defender for Endpoint prints it: a flat record; an alert's devices are not among it.
fn mde_evidence(evidence: &Evidence) -> Option<mde::Evidence> {
    let mut wire = mde::Evidence {
        entity_type: evidence.entity.kind().to_owned(),
        evidence_creation_time: time(evidence.created),
        ..mde::Evidence::default()
    };
    match &evidence.entity {
        Entity::Device(_) => return None,
        Entity::User(user) => {
            wire.account_name.clone_from(&user.account_name);
            wire.domain_name.clone_from(&user.domain_name);
            wire.user_sid.clone_from(&user.sid);
            wire.aad_user_id.clone_from(&user.aad_user_id);
            wire.user_principal_name.clone_from(&user.upn);
        }
        Entity::Process(process) => {
            wire.sha1.clone_from(&process.sha1);
            wire.sha256.clone_from(&process.sha256);
            wire.file_name.clone_from(&process.file_name);
            wire.file_path.clone_from(&process.file_path);
            wire.process_id = process.process_id;
            wire.process_command_line.clone_from(&process.command_line);
            wire.process_creation_time = process.created.map(time);
            wire.parent_process_id = process.parent_process_id;
            wire.parent_process_creation_time = process.parent_created.map(time);
            wire.parent_process_file_name
                .clone_from(&process.parent_file_name);
            wire.parent_process_file_path
                .clone_from(&process.parent_file_path);
            wire.account_name.clone_from(&process.account_name);
            wire.domain_name.clone_from(&process.domain_name);
        }
        Entity::File(file) => {
            wire.sha1.clone_from(&file.sha1);
            wire.sha256.clone_from(&file.sha256);
            wire.file_name.clone_from(&file.file_name);
            wire.file_path.clone_from(&file.file_path);
        }
        Entity::Registry(registry) => {
            wire.registry_hive.clone_from(&registry.hive);
            wire.registry_key.clone_from(&registry.key);
            wire.registry_value_type.clone_from(&registry.value_type);
            wire.registry_value.clone_from(&registry.value);
        }
        Entity::Ip(ip) => wire.ip_address = Some(ip.address.clone()),
        Entity::Url(url) => wire.url = Some(url.url.clone()),
    }
    Some(wire)
}

/// A device.
pub(crate) fn machine(machine: &Machine) -> mde::Machine {
    let address = |address: &bartizan_security::machine::IpAddress| mde::IpAddress {
        ip_address: address.ip.clone(),
        mac_address: address.mac.clone(),
        kind: None,
        operational_status: "Up".to_owned(),
    };
    mde::Machine {
        id: machine.id.clone(),
        computer_dns_name: machine.dns_name.clone(),
        first_seen: time(machine.first_seen),
        last_seen: time(machine.last_seen),
        os_platform: machine.os_platform.clone(),
        version: machine.version.clone(),
        os_processor: machine.os_processor.clone(),
        last_ip_address: machine.last_ip.clone(),
        last_external_ip_address: machine.last_external_ip.clone(),
        os_build: machine.os_build,
        health_status: word(machine.health),
        rbac_group_id: machine.rbac_group_id,
        rbac_group_name: machine.rbac_group_name.clone(),
        risk_score: Some(word(machine.risk_score)),
        exposure_level: Some(word(machine.exposure)),
        is_aad_joined: machine.is_aad_joined,
        aad_device_id: machine.aad_device_id.clone(),
        machine_tags: machine.tags.clone(),
        onboarding_status: Some(word(machine.onboarding)),
        os_architecture: machine.os_architecture.clone(),
        device_value: Some(word(machine.device_value)),
        ip_addresses: machine.ip_addresses.iter().map(address).collect(),
    }
}
