//! Signals.

use std::{
    process::{Child, Command},
    time::{Duration, Instant},
};

use transship_testbed::s3::{Effect, Fault, Operation};

use crate::{
    scene::{Ran, Scene, json_lines},
    unpacking::packed,
};

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[track_caller]
fn until(what: impl Fn() -> bool) {
    let started = Instant::now();
    while !what() {
        assert!(started.elapsed() < Duration::from_secs(20), "it never happened");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A source of objects, of which each takes a while, and a destination elsewhere.
async fn slow(count: usize, delay: Duration) -> (Scene, Scene) {
    let (scene, other) = (Scene::s3().await, Scene::s3().await);
    scene.config(&format!("[source]\n{}[destination]\n{}", scene.at("raw/in"), other.at("lake/out")));
    for n in 0..count {
        scene.put("raw", &format!("in/{n:03}"), format!("object {n}"));
    }
    scene.server().faults().add(Fault::new(Effect::Delay(delay)).on(Operation::GetObject));
    (scene, other)
}

fn start(scene: &Scene, arguments: &[&str]) -> Child {
    scene.process(&[&["-c", "config.ini"], arguments].concat()).spawn().unwrap()
}

fn end(child: Child) -> Ran {
    Ran::told(child.wait_with_output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_transfer_so_that_its_failed_list_goes_on() {
    for name in ["TERM", "INT"] {
        let (scene, other) = slow(60, Duration::from_millis(150)).await;
        scene.solgate(&["list", "-o", "list.json"]).ends_with(0);
        let child = start(&scene, &["transfer", "-l", "list.json", "--transfers", "4", "--report", "report.json"]);
        until(|| scene.server().count(Operation::GetObject) >= 10);
        signal(&child, name);
        let ran = end(child).ends_with(6);
        assert!(ran.stderr.contains(&format!("SIG{name}: stopping after what is in flight")), "{}", ran.stderr);
        assert!(ran.stdout.starts_with("solgate transfer: stopped early"), "{}", ran.stdout);
        let report = scene.report();
        let (copied, cancelled) = (&report["totals"]["copied"], &report["totals"]["cancelled"]);
        assert_eq!(copied.as_u64().unwrap() + cancelled.as_u64().unwrap(), 60, "{report}");
        assert!(copied.as_u64().unwrap() >= 10 && cancelled.as_u64().unwrap() >= 10, "{copied} {cancelled}");
        assert_eq!(report["error"], format!("stopped by SIG{name}"));
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert_eq!((&report["exit_code"], copied), (&6.into(), &other.keys("lake").len().into()));
        assert_eq!(&serde_json::Value::from(json_lines(&scene.read("failed.json")).len()), cancelled);
        scene.server().faults().clear();
        scene.solgate(&["transfer", "-l", "failed.json"]).ends_with(0);
        assert_eq!(other.keys("lake").len(), 60);
        assert!(!scene.path("failed.json").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_sync_while_it_lists_and_while_it_copies() {
    let (scene, other) = slow(40, Duration::from_millis(100)).await;
    scene.write("failed.json", "{\"key\":\"an older one\"}\n");
    let child = start(&scene, &["sync", "--transfers", "2", "--report", "report.json"]);
    until(|| other.keys("lake").len() >= 3);
    signal(&child, "TERM");
    let ran = end(child).ends_with(6);
    let copied = other.keys("lake").len();
    assert!(copied < 40 && ran.stdout.contains(&format!("{copied} copied")), "{}", ran.stdout);
    // A listing that hangs.
    scene.server().faults().add(Fault::new(Effect::Delay(Duration::from_secs(60))).on(Operation::ListObjectsV2));
    for command in [&["sync"][..], &["sync", "-n"], &["list", "-o", "list.json"]] {
        scene.server().clear_requests();
        let child = start(&scene, command);
        until(|| scene.server().count(Operation::ListObjectsV2) > 0);
        let started = Instant::now();
        signal(&child, "TERM");
        let ran = end(child).ends_with(6);
        assert!(started.elapsed() < Duration::from_secs(10), "{command:?}");
        assert!(!ran.stdout.contains("copied"), "{}", ran.stdout);
    }
    assert!(!scene.path("list.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_in_flight_are_finished_or_aborted() {
    let (scene, other) = (Scene::s3().await, Scene::s3().await);
    scene.config(&format!("[source]\n{}[destination]\n{}unpack = yes\n", scene.at("raw/in"), other.at("lake/out")));
    // Much longer than a run that is being stopped waits.
    scene.put("raw", "in/large", vec![b'x'; 60 << 20]).put("raw", "in/zeros.gz", packed(vec![0; 200 << 20]));
    let drip = |rate| Fault::new(Effect::DripReply { bytes_per_second: rate }).on(Operation::GetObject);
    scene.server().faults().add(drip(3 << 20).key("in/large"));
    scene.server().faults().add(drip(20_000).key("in/zeros.gz"));
    let arguments = ["sync", "--split-above", "16MiB", "--report", "report.json"];
    let child = start(&scene, &arguments);
    until(|| other.server().unfinished_uploads("lake").len() == 2);
    let started = Instant::now();
    signal(&child, "TERM");
    let ran = end(child).ends_with(6);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert!(ran.stdout.contains("2 not finished"), "{}", ran.stdout);
    assert_eq!(other.keys("lake"), [""; 0]);
    assert_eq!(other.server().unfinished_uploads("lake"), []);
    assert_eq!(json_lines(&scene.read("failed.json")).len(), 2);
    assert_eq!(scene.report()["totals"]["cancelled"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_signal_cut_off_is_not_shown_as_done() {
    let (scene, other) = (Scene::s3().await, Scene::s3().await);
    scene.config(&format!("[source]\n{}[destination]\n{}", scene.at("raw/in"), other.at("lake/out")));
    let mut list = String::new();
    for n in 0..20 {
        scene.put("raw", &format!("in/{n:02}"), vec![b'x'; 8 << 20]);
        list += &format!("{{\"key\":\"{n:02}\",\"size\":{}}}\n", 8 << 20);
    }
    scene.write("list.json", &list);
    let drip = Fault::new(Effect::DripReply { bytes_per_second: 64 << 10 }).on(Operation::GetObject);
    scene.server().faults().add(drip);
    let child = start(&scene, &["transfer", "-l", "list.json", "--memory", "16MiB", "--progress", "on"]);
    // Most wait for memory, and end with the signal; a few are being read, and are given a while.
    until(|| scene.server().count(Operation::GetObject) > 0);
    signal(&child, "TERM");
    let ran = end(child).ends_with(6);
    let lines: Vec<_> = ran.stderr.lines().filter(|line| line.starts_with("progress: ")).collect();
    assert!(!lines.is_empty() && lines.iter().all(|line| line.starts_with("progress: 0 of 20 objects, ")), "{lines:?}");
    assert!(lines.iter().all(|line| line.contains("KiB of 160.0 MiB")), "{lines:?}");
    assert!(ran.stdout.contains("  stopped by SIGTERM\n  objects     20: 20 not finished\n"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once() {
    let (scene, _other) = slow(3, Duration::from_secs(60)).await;
    scene.write("report.json", "an older one");
    let child = start(&scene, &["sync", "--report", "report.json"]);
    until(|| scene.server().count(Operation::GetObject) > 0);
    let started = Instant::now();
    signal(&child, "TERM");
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "TERM");
    let ran = end(child).ends_with(6);
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(ran.stderr.ends_with("SIGTERM again: stopped at once\n"), "{}", ran.stderr);
    assert_eq!(scene.read("report.json"), "an older one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_names_the_uploads_that_it_leaves_behind() {
    for format in ["text", "json"] {
        let (scene, other) = (Scene::s3().await, Scene::s3().await);
        scene.config(&format!("[source]\n{}[destination]\n{}", scene.at("raw/in"), other.at("lake/out")));
        scene.put("raw", "in/a b", vec![b'x'; 60 << 20]);
        let drip = Effect::DripReply { bytes_per_second: 3 << 20 };
        scene.server().faults().add(Fault::new(drip).on(Operation::GetObject));
        let child = start(&scene, &["sync", "--split-above", "16MiB", "--log-format", format]);
        until(|| other.server().unfinished_uploads("lake").len() == 1);
        // Its reply has to arrive as well.
        until(|| other.server().count(Operation::UploadPart) > 0);
        signal(&child, "TERM");
        std::thread::sleep(Duration::from_millis(300));
        signal(&child, "TERM");
        let ran = end(child).ends_with(6);
        let [upload] = &other.server().unfinished_uploads("lake")[..] else { panic!("{}", ran.stderr) };
        let line = ran.stderr.lines().find(|line| line.contains("left behind: an unfinished upload")).unwrap();
        let (endpoint, id) = (other.server().endpoint(), &upload.upload_id);
        let command = format!(
            "aws s3api abort-multipart-upload --endpoint-url {endpoint} --bucket lake --key 'out/a b' --upload-id {id}"
        );
        assert!(line.contains(&command), "{line}\nexpected {command}");
        assert!(ran.stderr.contains("SIGTERM again: stopped at once"), "{}", ran.stderr);
        if format == "json" {
            assert_eq!(json_lines(&ran.stderr).len(), 3);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_for_another_attempt_end_with_the_signal() {
    let scene = Scene::s3().await;
    scene.plain().put("raw", "in/a", "1");
    let busy = Effect::Answer { status: 503, code: "SlowDown".into(), retry_after: Some(Duration::from_secs(30)) };
    scene.server().faults().add(Fault::new(busy).bucket("lake"));
    let child = start(&scene, &["sync"]);
    until(|| !scene.server().requests().is_empty());
    let started = Instant::now();
    signal(&child, "TERM");
    end(child).ends_with(6);
    assert!(started.elapsed() < Duration::from_secs(13), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_names_the_files_that_it_leaves_behind() {
    let (scene, files) = (Scene::s3().await, Scene::files());
    scene.config(&format!(
        "[source]\n{}[destination_a]\n{}[destination_b]\n{}unpack = yes\n",
        scene.at("raw/in"),
        files.at("lake/as is"),
        files.at("lake/unpacked"),
    ));
    // Streamed into one file as it is, and written in parts where it is unpacked.
    let noise: Vec<u8> =
        (0..24u32 << 18).flat_map(|n| n.wrapping_mul(0x9e37_79b9).rotate_left(n % 31).to_le_bytes()).collect();
    scene.put("raw", "in/gz/z.gz", packed(noise));
    scene.server().faults().add(Fault::new(Effect::DripReply { bytes_per_second: 2 << 20 }).on(Operation::GetObject));
    let child = start(&scene, &["sync"]);
    let expected =
        ["as is/gz/z.gz.1.transship-part", "unpacked/gz/z.1.transship-part"].map(|file| files.path("lake").join(file));
    until(|| expected.iter().all(|file| file.exists()));
    signal(&child, "TERM");
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "TERM");
    let ran = end(child).ends_with(6);
    for file in &expected {
        assert!(file.exists(), "{}", file.display());
        let line = format!("left behind: the unfinished file {}: remove it\n", file.display());
        assert!(ran.stderr.contains(&line), "{}", ran.stderr);
    }
    assert!(!ran.stderr.contains("aws"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_answer_holds_up_no_end() {
    for hung in [Operation::AbortMultipartUpload, Operation::CreateMultipartUpload] {
        let (scene, other) = (Scene::s3().await, Scene::s3().await);
        scene.config(&format!("[source]\n{}[destination]\n{}", scene.at("raw/in"), other.at("lake/out")));
        scene.put("raw", "in/large", vec![b'x'; 40 << 20]);
        let never = Effect::Delay(Duration::from_secs(600));
        other.server().faults().add(Fault::new(never.clone()).on(hung));
        other.server().faults().add(Fault::new(never).on(Operation::UploadPart));
        let child = start(&scene, &["sync", "--split-above", "16MiB", "--report", "report.json"]);
        until(|| other.server().count(Operation::UploadPart) + other.server().count(hung) > 0);
        let pid = child.id();
        signal(&child, "TERM");
        let ended = tokio::task::spawn_blocking(move || end(child));
        let Ok(ran) = tokio::time::timeout(Duration::from_secs(60), ended).await else {
            Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap();
            panic!("it waits for {hung:?}");
        };
        let ran = ran.unwrap().ends_with(6);
        assert!(ran.stderr.contains("left behind") && ran.stderr.contains("out/large"), "{}", ran.stderr);
        assert_eq!(scene.report()["totals"]["cancelled"], 1);
        assert_eq!(json_lines(&scene.read("failed.json")).len(), 1);
    }
}
