//! Outages of the cloud's services, one at a time.

use std::time::Duration;

use lab::TestResult;
use lab::cluster_fixture::cluster_plan;
use lab::openstack::{CloudFixture, CloudOutage, CloudService, fence_openstack};

/// Longer than two monitors of the fencing device, at their timeout.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(180);

/// The fencing device notices each outage of Keystone and of Nova, hanging or away. No process of
/// MediationZone is touched. After the outages a node that crashes is fenced.
#[test]
fn outage_of_the_api_touches_no_healthy_pico() -> TestResult {
    let fixture = CloudFixture::up("outages", cluster_plan(), fence_openstack)?;
    let before = fixture.cluster.all_processes()?;
    for service in [CloudService::Keystone, CloudService::Nova] {
        for kind in [CloudOutage::Hanging, CloudOutage::Away] {
            fixture.begin_outage(service, kind)?;
            let what = format!("the fencing device to notice {service} {kind:?}");
            fixture.cluster.lab.wait_until(&what, NOTICE_TIMEOUT, |lab| {
                let status = lab.status()?;
                let noticed = status.failures.iter().any(|failure| failure.starts_with("power_"));
                Ok(if noticed { Ok(()) } else { Err(status.to_string()) })
            })?;
            fixture.end_outage(service, kind)?;
            // A cleanup between Pacemaker's decision to start the device and the start makes the controller of
            // Pacemaker 2.1.5 exit ("Could not initiate start action"), and the node is fenced.
            fixture.cluster.lab.wait_until_settled()?;
            fixture.cluster.node("n1").sh("crm_resource --cleanup --resource power")?;
            fixture.cluster.lab.wait_until_settled()?;
            assert_eq!(fixture.cluster.all_processes()?, before, "{service} {kind:?}");
        }
    }
    fixture.cluster.note_fault("the power of n1 is cut, after the outages");
    fixture.cluster.node("n1").cut_power()?;
    fixture.wait_until_ready("platform", "n2")?;
    fixture.cluster.wait_until_online("n1")?;
    assert_eq!(fixture.fencing_counts("n1")?, (1, 0));
    fixture.finish(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}
