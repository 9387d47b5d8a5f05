//! What `deploy/` holds for this program fits it. No cluster is asked: the objects are put together here as Tekton and
//! Kubernetes put them together.

mod container;
mod kubernetes;
mod mounted;
mod tekton;
mod tekton_run;

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde_json::Value;

const NONE: &Value = &Value::Null;

fn text(path: &str) -> Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))
}

/// The objects in a file.
fn objects(path: &str) -> Result<Vec<Value>> {
    serde_saphyr::from_multiple(&text(path)?).with_context(|| format!("parse {path}"))
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Result<&'a Value> {
    objects.iter().find(|object| object["kind"] == kind).with_context(|| format!("there is no {kind}"))
}

fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(NONE)
}

fn word(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("{value} is no text"))
}

fn list(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().with_context(|| format!("{value} is no list"))
}

fn words(value: &Value) -> Result<Vec<String>> {
    list(value)?.iter().map(|one| Ok(word(one)?.to_owned())).collect()
}

/// The container of a CronJob.
fn container_of(cronjob: &Value) -> &Value {
    at(cronjob, "/spec/jobTemplate/spec/template/spec/containers/0")
}

/// A container has no rights that it does not need, and a limit that the memory budget can follow.
fn assert_confined(container: &Value, resources: &str) {
    let rights = &container["securityContext"];
    assert_eq!(rights["runAsNonRoot"], true);
    assert_eq!(rights["allowPrivilegeEscalation"], false);
    assert_eq!(rights["readOnlyRootFilesystem"], true);
    assert_eq!(rights["capabilities"]["drop"], serde_json::json!(["ALL"]));
    assert_eq!(rights["seccompProfile"]["type"], "RuntimeDefault");
    assert!(container[resources]["limits"]["memory"].is_string(), "no memory limit");
    assert!(container[resources]["requests"]["memory"].is_string(), "no memory request");
}
