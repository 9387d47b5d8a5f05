//! From an EventListener to the step that runs, as Tekton goes: <https://tekton.dev/docs/triggers/>,
//! <https://tekton.dev/docs/pipelines/variables/>.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{list, objects, word};

pub(crate) type Parameters = BTreeMap<String, Value>;

/// What holds for all jobs.
pub(crate) const BASE: [&str; 4] = [
    "deploy/tekton/service-account.yaml",
    "deploy/tekton/task.yaml",
    "deploy/tekton/pipeline.yaml",
    "deploy/tekton/trigger-template.yaml",
];
/// What one job needs besides.
pub(crate) const JOBS: [&str; 2] = ["deploy/tekton/jobs/copy.yaml", "deploy/tekton/jobs/sync.yaml"];

/// A namespace.
pub(crate) struct Applied(pub(crate) Vec<Value>);

impl Applied {
    pub(crate) fn base_and(job: Vec<Value>) -> Result<Self> {
        let mut all = job;
        for file in BASE {
            all.extend(objects(file)?);
        }
        Ok(Self(all))
    }

    pub(crate) fn named(&self, kind: &str, name: &Value) -> Result<&Value> {
        let mut found = self.0.iter().filter(|object| object["kind"] == kind && object["metadata"]["name"] == *name);
        let object = found.next().with_context(|| format!("there is no {kind} {name}"))?;
        ensure!(found.next().is_none(), "{kind} {name} is there twice");
        Ok(object)
    }

    /// The PipelineRun that a listener creates for a request.
    pub(crate) fn pipeline_run(&self, listener: &Value) -> Result<Value> {
        let trigger = &listener["spec"]["triggers"][0];
        let mut given = Parameters::new();
        for binding in list(&trigger["bindings"])? {
            match &binding["ref"] {
                Value::Null => merge(&mut given, std::slice::from_ref(binding))?,
                name => merge(&mut given, list(&self.named("TriggerBinding", name)?["spec"]["params"])?)?,
            }
        }
        let template = &self.named("TriggerTemplate", &trigger["template"]["ref"])?["spec"];
        put_in(&template["resourcetemplates"][0], "tt.params", &supplied(&template["params"], given)?)
    }

    /// The pipeline's one task, with the run's parameters put in.
    pub(crate) fn pipeline_task(&self, run: &Value) -> Result<Value> {
        let pipeline = &self.named("Pipeline", &run["spec"]["pipelineRef"]["name"])?["spec"];
        let given = supplied(&pipeline["params"], by_name(&run["spec"]["params"])?)?;
        ensure!(list(&pipeline["tasks"])?.len() == 1, "not one task");
        put_in(&pipeline["tasks"][0], "params", &given)
    }

    /// The Task that is named, with the parameters that are given there put in.
    pub(crate) fn task(&self, named: &Value) -> Result<Value> {
        ensure!(named["taskRef"]["kind"] == "Task", "no Task is named");
        let mut spec = self.named("Task", &named["taskRef"]["name"])?["spec"].clone();
        let given = supplied(&spec["params"], by_name(&named["params"])?)?;
        spec.as_object_mut().context("spec")?.remove("params");
        put_in(&spec, "params", &given)
    }
}

/// The names in `$(SCOPE.NAME)` and `$(SCOPE.NAME[*])`, wherever they are in `value`.
pub(crate) fn referenced(value: &Value, scope: &str) -> BTreeSet<String> {
    let text = value.to_string();
    let begin = format!("$({scope}.");
    let pieces = text.split(&begin).skip(1);
    pieces.filter_map(|piece| piece.split_once(')')).map(|(name, _)| name.replace("[*]", "")).collect()
}

pub(crate) fn declared(params: &Value) -> Result<BTreeSet<String>> {
    Ok(by_name(params)?.into_keys().collect())
}

fn by_name(params: &Value) -> Result<Parameters> {
    let mut named = Parameters::new();
    merge(&mut named, list(params)?)?;
    Ok(named)
}

fn merge(into: &mut Parameters, params: &[Value]) -> Result<()> {
    for param in params {
        let name = word(&param["name"])?.to_owned();
        ensure!(into.insert(name, param["value"].clone()).is_none(), "{} is there twice", param["name"]);
    }
    Ok(())
}

/// The value of each parameter that is declared: what was given, or the default.
fn supplied(declarations: &Value, mut given: Parameters) -> Result<Parameters> {
    let mut values = Parameters::new();
    for declaration in list(declarations)? {
        let name = word(&declaration["name"])?;
        let default = declaration.get("default").cloned();
        let value = given.remove(name).or(default).with_context(|| format!("nothing gives {name}"))?;
        let array = declaration["type"] == "array";
        ensure!(if array { value.is_array() } else { value.is_string() }, "{name} has not the declared type: {value}");
        values.insert(name.to_owned(), value);
    }
    ensure!(given.is_empty(), "not declared: {given:?}");
    Ok(values)
}

fn put_in(value: &Value, scope: &str, values: &Parameters) -> Result<Value> {
    Ok(match value {
        Value::String(text) => Value::String(text_with(text, scope, values)?),
        Value::Array(elements) => {
            let mut all = Vec::new();
            for element in elements {
                match whole_array(element, scope, values) {
                    Some(array) => all.extend(array.iter().cloned()),
                    None => all.push(put_in(element, scope, values)?),
                }
            }
            Value::Array(all)
        }
        Value::Object(fields) => {
            let put = |(name, field): (&String, &Value)| Ok((name.clone(), put_in(field, scope, values)?));
            Value::Object(fields.iter().map(put).collect::<Result<_>>()?)
        }
        other => other.clone(),
    })
}

/// Tekton puts an array only where `$(params.NAME[*])` is a whole element.
fn whole_array<'a>(element: &Value, scope: &str, values: &'a Parameters) -> Option<&'a Vec<Value>> {
    let name = element.as_str()?.strip_prefix(&format!("$({scope}."))?.strip_suffix("[*])")?;
    values.get(name)?.as_array()
}

fn text_with(text: &str, scope: &str, values: &Parameters) -> Result<String> {
    let mut put = text.to_owned();
    for (name, value) in values {
        if let Value::String(value) = value {
            put = put.replace(&format!("$({scope}.{name})"), value);
        }
    }
    if put.contains(&format!("$({scope}.")) {
        bail!("{text}: not declared, or an array in the middle of a text");
    }
    Ok(put)
}
