//! `deploy/kubernetes/mirror-cronjob.yaml`

use anyhow::Result;
use serde_json::{Value, json};

use crate::{assert_confined, at, container_of, mounted::Mounted, objects, of_kind, word, words};

struct Manifest {
    secret: Value,
    cronjob: Value,
}

impl Manifest {
    fn read() -> Result<Self> {
        let objects = objects("deploy/kubernetes/mirror-cronjob.yaml")?;
        Ok(Self { secret: of_kind(&objects, "Secret")?.clone(), cronjob: of_kind(&objects, "CronJob")?.clone() })
    }

    fn mounted(&self) -> Result<Mounted<'_>> {
        let container = container_of(&self.cronjob);
        let volumes = at(&self.cronjob, "/spec/jobTemplate/spec/template/spec/volumes");
        Ok(Mounted { arguments: words(&container["args"])?, container, volumes, secret: &self.secret })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cronjob_copies_with_the_configuration_of_its_secret() -> Result<()> {
    let manifest = Manifest::read()?;
    let mounted = manifest.mounted()?;
    assert!(!mounted.parsed()?.deletes);
    mounted.check_places()?;
    mounted.check_remotes()?;
    assert_eq!(mounted.run().await?, ["new", "old"]);
    Ok(())
}

#[test]
fn the_cronjob_runs_one_at_a_time_and_without_rights_it_does_not_need() -> Result<()> {
    let manifest = Manifest::read()?;
    assert_eq!(at(&manifest.cronjob, "/spec/concurrencyPolicy"), "Forbid");
    assert_eq!(at(&manifest.cronjob, "/spec/jobTemplate/spec/template/spec/automountServiceAccountToken"), false);
    assert_confined(container_of(&manifest.cronjob), "resources");
    assert!(word(&container_of(&manifest.cronjob)["image"])?.ends_with(concat!(":", env!("CARGO_PKG_VERSION"))));
    Ok(())
}

#[test]
fn the_cronjob_does_not_try_again_what_stays_as_it_is() -> Result<()> {
    let manifest = Manifest::read()?;
    let job = at(&manifest.cronjob, "/spec/jobTemplate/spec");
    // Kubernetes takes a podFailurePolicy only with this.
    assert_eq!(at(job, "/template/spec/restartPolicy"), "Never");
    let rules = at(job, "/podFailurePolicy/rules");
    // The first rule that fits counts: a drained node stops a run with 6, too.
    assert_eq!((&rules[0]["action"], &rules[1]["action"]), (&json!("Ignore"), &json!("FailJob")));
    assert_eq!(rules[1]["onExitCodes"]["containerName"], container_of(&manifest.cronjob)["name"]);
    assert_eq!(rules[1]["onExitCodes"]["values"], json!([2, 5, 6]));
    Ok(())
}
