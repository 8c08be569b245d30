//! `mzha doctor --fence-test`: one real fencing, after a question, with times.

use lab::cluster_fixture::{ClusterFixture, cluster_plan};
use lab::{TestResult, TestkitError};

/// Runs the test with this answer; returns its exit code and output.
fn fence_test(
    fixture: &ClusterFixture,
    on: &str,
    of: &str,
    answer: &str,
) -> Result<(String, String), TestkitError> {
    let said = fixture.node(on).sh(&format!(
        "code=0; echo '{answer}' | mzha doctor --fence-test '{of}' 2>&1 || code=$?; echo; echo $code"
    ))?;
    let (output, code) = said.trim_end().rsplit_once('\n').unwrap_or_default();
    Ok((code.to_owned(), output.to_owned()))
}

/// The answer is the name of the node. Fencing and fail-over are timed, and the command ends when the picos run elsewhere and the node
/// is a member again.
#[test]
fn fence_test_fences_once_and_shows_times() -> TestResult {
    let fixture = cluster_plan().up()?;
    for (on, of, answer, reason) in [
        ("n2", "n1", "yes", "n1 was not fenced: the name was not typed"),
        ("n2", "n1", "", "n1 was not fenced: the name was not typed"),
        ("n2", "n2", "n2", "n2 was not fenced: it is this node"),
        ("n2", "n9", "n9", "n9 was not fenced: no such node; the cluster has n1, n2, n3"),
    ] {
        let (code, output) = fence_test(&fixture, on, of, answer)?;
        assert!(code == "2" && output.contains(reason), "{reason}: {code} {output}");
    }
    assert_eq!(fixture.fencing_count("n1")?, 0);
    fixture.note_fault("mzha doctor --fence-test n1");
    let (code, output) = fence_test(&fixture, "n2", "n1", "n1")?;
    let ends = [
        "On n1 run mz-ui, mz-platform.",
        " s: n1 is fenced\n",
        " s: mz-platform runs on n2\n",
        " s: mz-ui runs on n2\n",
        " s: n1 is a member again\n",
    ];
    for line in ends {
        assert!(output.contains(line), "{line}: {output}");
    }
    assert_eq!(code, "0", "{output}");
    assert_eq!(fixture.fencing_count("n1")?, 1);
    fixture.wait_until_ready("platform", "n2")?;
    fixture.wait_until_online("n1")?;
    fixture.finish(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// A node that no device can fence, a cluster that is not whole: refused, and nobody is fenced.
#[test]
fn fence_test_refuses_a_cluster_that_is_not_fit_for_it() -> TestResult {
    let fixture = cluster_plan().up()?;
    fixture.node("n1").sh(
        "crm_resource --resource power --set-parameter pcmk_host_list --parameter-value 'n1 n2'",
    )?;
    fixture.lab.wait_until_settled()?;
    let (code, output) = fence_test(&fixture, "n1", "n3", "n3")?;
    assert!(
        code == "2" && output.contains("no fencing device says that it can fence it"),
        "{output}"
    );
    fixture.node("n3").stop_cluster()?;
    fixture.wait_until_offline("n3")?;
    let (code, output) = fence_test(&fixture, "n1", "n2", "n2")?;
    assert!(code == "2" && output.contains("not a member now: n3"), "{output}");
    assert_eq!(fixture.fencing_count("n2")?, 0);
    assert_eq!(fixture.fencing_count("n3")?, 0);
    fixture.lab.down()
}
