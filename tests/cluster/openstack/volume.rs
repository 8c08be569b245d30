//! A volume is a block device in the node that it is attached to.

use std::fs;
use std::time::Duration;

use lab::{LabNode, TestResult};

use crate::cloud_of_two;

const DETACH_TIMEOUT: Duration = Duration::from_secs(60);

/// A volume shows in the node under the name that virtio gives it, also after a boot of the node. Its content
/// moves with it to another node. The end of the lab frees the machine's loop device.
#[test]
fn volume_moves_between_nodes_with_its_content() -> TestResult {
    let (lab, cloud, project) = cloud_of_two("volume")?;
    let volume = project.id("VOLUME");
    let device = format!("/dev/disk/by-id/virtio-{}", &volume[..20]);
    let (n1, n2) = (lab.node("n1"), lab.node("n2"));
    let is_there = |node: LabNode<'_>| -> Result<bool, lab::TestkitError> {
        Ok(node.try_exec(&["test", "-b", &device])?.code() == Some(0))
    };
    cloud.client(&["server", "add", "volume", "n1", volume])?;
    lab.wait_until("the device in n1", DETACH_TIMEOUT, |_| {
        Ok(if is_there(n1)? { Ok(()) } else { Err(device.clone()) })
    })?;
    assert!(!is_there(n2)?);
    n1.sh(&format!(
        "mkfs.ext4 -q {device} && mount {device} /mnt && echo n1 >/mnt/from && umount /mnt"
    ))?;

    cloud.client(&["server", "reboot", "--hard", "--wait", "n1"])?;
    assert!(is_there(n1)?, "after a boot");

    cloud.client(&["server", "remove", "volume", "n1", volume])?;
    lab.wait_until("the volume to be available", DETACH_TIMEOUT, |_| {
        let status = cloud.client(&["volume", "show", volume, "-f", "value", "-c", "status"])?;
        Ok(if status == "available" { Ok(()) } else { Err(status) })
    })?;
    assert!(!is_there(n1)?);
    cloud.client(&["server", "add", "volume", "n2", volume])?;
    lab.wait_until("the device in n2", DETACH_TIMEOUT, |_| {
        Ok(if is_there(n2)? { Ok(()) } else { Err(device.clone()) })
    })?;
    assert_eq!(n2.sh(&format!("mount {device} /mnt && cat /mnt/from"))?, "n1\n");
    assert_eq!(loop_devices_of(volume).len(), 1);
    lab.down()?;
    testkit::wait_until("the end of the loop device", DETACH_TIMEOUT, || {
        let left = loop_devices_of(volume);
        if left.is_empty() { Ok(()) } else { Err(left.join(", ")) }
    })
}

/// The machine's loop devices with this volume.
fn loop_devices_of(volume: &str) -> Vec<String> {
    let blocks = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let files =
        blocks.filter_map(|block| fs::read_to_string(block.path().join("loop/backing_file")).ok());
    files.filter(|file| file.contains(volume)).collect()
}
