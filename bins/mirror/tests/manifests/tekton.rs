//! `deploy/tekton`

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{
    assert_confined, at, container_of, list,
    mounted::{Mounted, Parsed},
    objects, of_kind,
    tekton_run::{Applied, BASE, JOBS, declared, referenced},
    text, word, words,
};

/// An EventListener as users of the pipeline before this one have it.
const BEFORE: &str = "
apiVersion: triggers.tekton.dev/v1beta1
kind: EventListener
metadata:
  name: before-listener
spec:
  serviceAccountName: s3-sync
  triggers:
    - name: s3-sync
      bindings:
        - name: src_bucket
          value: from
        - name: dest_bucket
          value: to
        - name: sync_config_secret_name
          value: before
      template:
        ref: s3-sync
";

/// What a job's listener runs in the end.
struct Job {
    task: Value,
    secret: Value,
}

impl Job {
    fn of(job: Vec<Value>) -> Result<Self> {
        let secret = of_kind(&job, "Secret")?.clone();
        let applied = Applied::base_and(job)?;
        let run = applied.pipeline_run(of_kind(&applied.0, "EventListener")?)?;
        Ok(Self { task: applied.task(&applied.pipeline_task(&run)?)?, secret })
    }

    fn mounted(&self) -> Result<Mounted<'_>> {
        let step = &self.task["steps"][0];
        Ok(Mounted {
            arguments: words(&step["args"])?,
            container: step,
            volumes: &self.task["volumes"],
            secret: &self.secret,
        })
    }
}

fn one(file: &str, kind: &str) -> Result<Value> {
    of_kind(&objects(file)?, kind).cloned()
}

#[test]
fn every_object_has_the_version_of_its_kind_and_a_name() -> Result<()> {
    let mut kinds = BTreeSet::new();
    for file in BASE.iter().chain(&JOBS) {
        for object in objects(file)? {
            let kind = word(&object["kind"])?;
            let version = match kind {
                "Task" | "Pipeline" => "tekton.dev/v1",
                "TriggerTemplate" | "TriggerBinding" | "EventListener" => "triggers.tekton.dev/v1beta1",
                "CronJob" => "batch/v1",
                "RoleBinding" | "ClusterRoleBinding" => "rbac.authorization.k8s.io/v1",
                _ => "v1",
            };
            assert_eq!(object["apiVersion"], version, "{file}: {kind}");
            assert!(object["metadata"]["name"].is_string(), "{file}: {kind}");
            kinds.insert(kind.to_owned());
        }
    }
    let all = "ClusterRoleBinding CronJob EventListener Pipeline RoleBinding Secret ServiceAccount Task TriggerBinding \
               TriggerTemplate";
    assert_eq!(kinds.into_iter().collect::<Vec<_>>().join(" "), all);
    Ok(())
}

#[test]
fn task_pipeline_and_template_use_all_parameters_that_they_declare_and_no_others() -> Result<()> {
    let task = one("deploy/tekton/task.yaml", "Task")?["spec"].clone();
    let pipeline = one("deploy/tekton/pipeline.yaml", "Pipeline")?["spec"].clone();
    let template = one("deploy/tekton/trigger-template.yaml", "TriggerTemplate")?["spec"].clone();
    let used_by_task = referenced(&json!([task["steps"], task["volumes"]]), "params");
    assert_eq!(declared(&task["params"])?, used_by_task);
    assert_eq!(declared(&pipeline["params"])?, referenced(&pipeline["tasks"], "params"));
    assert_eq!(declared(&template["params"])?, referenced(&template["resourcetemplates"], "tt.params"));
    assert_eq!(declared(&pipeline["params"])?, declared(&task["params"])?);
    for name in ["src_bucket", "dest_bucket", "sync_config_secret_name"] {
        assert!(declared(&template["params"])?.contains(name), "{name}");
    }
    Ok(())
}

#[test]
fn a_listener_with_three_values_copies_and_deletes_nothing() -> Result<()> {
    let mut job: Vec<Value> = serde_saphyr::from_multiple(BEFORE)?;
    job.push(json!({ "kind": "Secret", "metadata": { "name": "before" }, "stringData": { "rclone.conf": "" } }));
    let job = Job::of(job)?;
    let mounted = job.mounted()?;
    let parsed = mounted.parsed()?;
    assert!(!parsed.deletes);
    assert_eq!((&*parsed.args.source, &*parsed.args.destination), ("source:from", "destination:to"));
    mounted.check_places()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_jobs_run_with_the_configuration_of_their_secrets() -> Result<()> {
    for (file, deletes) in JOBS.into_iter().zip([false, true]) {
        let job = Job::of(objects(file)?)?;
        let mounted = job.mounted()?;
        assert_eq!(mounted.parsed()?.deletes, deletes, "{file}");
        mounted.check_places().context(file)?;
        mounted.check_remotes().context(file)?;
        let left: &[&str] = if deletes { &["new"] } else { &["new", "old"] };
        assert_eq!(mounted.run().await.context(file)?, left, "{file}");
    }
    Ok(())
}

#[test]
fn task_and_pipeline_alone_copy_and_take_more_flags() -> Result<()> {
    let applied = Applied::base_and(Vec::new())?;
    let params = |flags: Option<Value>| {
        let mut params = vec![
            json!({ "name": "src_bucket", "value": "from/some" }),
            json!({ "name": "dest_bucket", "value": "to" }),
            json!({ "name": "sync_config_secret_name", "value": "mine" }),
        ];
        params.extend(flags.map(|flags| json!({ "name": "flags", "value": flags })));
        params
    };
    let by_task =
        |flags| applied.task(&json!({ "taskRef": { "kind": "Task", "name": "s3-sync" }, "params": params(flags) }));
    let by_pipeline = |flags| {
        let run = json!({ "spec": { "pipelineRef": { "name": "s3-sync" }, "params": params(flags) } });
        applied.task(&applied.pipeline_task(&run)?)
    };
    let parsed = |task: Result<Value>| Parsed::from(&words(&task?["steps"][0]["args"])?);
    for run in [&by_task as &dyn Fn(_) -> _, &by_pipeline] {
        let plain = parsed(run(None))?;
        assert!(!plain.deletes && plain.args.source == "source:from/some");
        let flagged = parsed(run(Some(json!(["--dry-run", "--exclude=*.tmp", "--max-delete=5%"]))))?;
        assert!(flagged.args.dry_run && flagged.args.deletions.max_delete.is_some());
        assert!(parsed(run(Some(json!(["--no-such-flag"])))).is_err());
    }
    Ok(())
}

#[test]
fn a_run_ends_itself_before_tekton_ends_it() -> Result<()> {
    let applied = Applied::base_and(objects(JOBS[0])?)?;
    let run = applied.pipeline_run(of_kind(&applied.0, "EventListener")?)?;
    let task = applied.pipeline_task(&run)?;
    let own = Parsed::from(&words(&applied.task(&task)?["steps"][0]["args"])?)?.args.max_duration;
    let span = |written: &Value| {
        let flag = format!("--max-duration={}", word(written)?);
        Ok::<_, anyhow::Error>(
            Parsed::from(&["copy", "a", "b", "--config=c", &flag].map(str::to_owned))?.args.max_duration,
        )
    };
    let (of_task, of_all) = (span(&task["timeout"])?, span(at(&run, "/spec/timeouts/pipeline"))?);
    ensure!(own.is_some() && own < of_task && of_task < of_all, "{own:?}, {of_task:?}, {of_all:?}");
    Ok(())
}

#[test]
fn the_cronjob_of_a_job_posts_to_the_service_of_its_listener() -> Result<()> {
    for file in JOBS {
        let job = objects(file)?;
        let listener = word(&of_kind(&job, "EventListener")?["metadata"]["name"])?;
        let container = container_of(of_kind(&job, "CronJob")?);
        let arguments = words(&container["args"])?;
        assert_eq!(arguments.last(), Some(&format!("http://el-{listener}:8080")), "{file}");
        assert!(listener.ends_with("-listener"), "{file}");
        let after = |flag: &str| arguments.iter().skip_while(|one| *one != flag).nth(1).map(String::as_str);
        assert_eq!((after("--request"), after("--data")), (Some("POST"), Some("{}")), "{file}");
        assert_confined(container, "resources");
    }
    Ok(())
}

#[test]
fn listeners_work_with_an_account_that_may_listen_and_runs_with_none() -> Result<()> {
    let account = objects("deploy/tekton/service-account.yaml")?;
    let name = &of_kind(&account, "ServiceAccount")?["metadata"]["name"];
    assert_eq!(name, "s3-sync");
    for (binding, role) in [
        ("RoleBinding", "tekton-triggers-eventlistener-roles"),
        ("ClusterRoleBinding", "tekton-triggers-eventlistener-clusterroles"),
    ] {
        let binding = of_kind(&account, binding)?;
        assert_eq!((&binding["roleRef"]["kind"], &binding["roleRef"]["name"]), (&json!("ClusterRole"), &json!(role)));
        assert_eq!(
            (&binding["subjects"][0]["kind"], &binding["subjects"][0]["name"]),
            (&json!("ServiceAccount"), name)
        );
    }
    assert!(of_kind(&account, "ClusterRoleBinding")?["subjects"][0]["namespace"].is_string());
    for file in JOBS {
        let applied = Applied::base_and(objects(file)?)?;
        let listener = of_kind(&applied.0, "EventListener")?;
        assert_eq!(&listener["spec"]["serviceAccountName"], name, "{file}");
        let run = applied.pipeline_run(listener)?;
        let template = at(&run, "/spec/taskRunTemplate");
        assert_eq!(template["podTemplate"]["automountServiceAccountToken"], false);
        assert!(template.get("serviceAccountName").is_none());
        assert_eq!(run["apiVersion"], "tekton.dev/v1");
    }
    Ok(())
}

#[test]
fn the_task_s_step_has_no_rights_that_it_does_not_need() -> Result<()> {
    let task = one("deploy/tekton/task.yaml", "Task")?;
    assert_eq!(list(&task["spec"]["steps"])?.len(), 1);
    let step = &task["spec"]["steps"][0];
    assert_confined(step, "computeResources");
    assert!(word(&step["image"])?.ends_with(concat!(":", env!("CARGO_PKG_VERSION"))));
    Ok(())
}

#[test]
fn the_page_about_tekton_names_all_parameters_and_only_files_and_flags_that_are_there() -> Result<()> {
    let page = text("docs/tekton.md")?;
    for name in declared(&one("deploy/tekton/task.yaml", "Task")?["spec"]["params"])? {
        assert!(page.contains(&format!("| `{name}` |")), "{name} is not in the table");
    }
    let named = page.split(|c: char| !c.is_ascii_alphanumeric() && !"-./".contains(c));
    let mut files = 0;
    for path in named.filter(|word| word.starts_with("deploy/") && word.ends_with(".yaml")) {
        text(path)?;
        files += 1;
    }
    let commands = page.lines().filter_map(|line| line.trim().strip_prefix("transship-mirror "));
    let commands = commands.map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    let read: Vec<_> = commands.map(|arguments| Parsed::from(&arguments)).collect::<Result<_>>()?;
    assert!(files > 2 && !read.is_empty(), "{files}");
    Ok(())
}
