//! What is run, and what it can do.

use super::{
    setting::Setting,
    workload::{Case, Task},
};

/// Of one of our programs.
pub(crate) type Flags = &'static [&'static str];

/// What is run, and how it is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Solgate(Flags),
    Mirror(Flags),
    /// A bare loop over `object_store`.
    Floor,
    Rclone(Setting),
    JuiceFs(Setting),
    S3Sync(Setting),
    S5cmd(Setting),
    Aws(Setting),
    /// `gzip -dc` into nothing: unpacking by itself.
    Gunzip,
    /// What a user writes in a shell: `rclone cat | gunzip | rclone rcat`.
    Pipes(Setting),
}

impl Tool {
    /// The same peer, set otherwise.
    pub(super) fn set(self, setting: Setting) -> Self {
        match self {
            Self::Rclone(_) => Self::Rclone(setting),
            Self::JuiceFs(_) => Self::JuiceFs(setting),
            Self::S3Sync(_) => Self::S3Sync(setting),
            Self::S5cmd(_) => Self::S5cmd(setting),
            Self::Aws(_) => Self::Aws(setting),
            Self::Pipes(_) => Self::Pipes(setting),
            Self::Solgate(_) | Self::Mirror(_) | Self::Floor | Self::Gunzip => self,
        }
    }

    /// Why it cannot do this: `None` where nobody would expect it to.
    pub(super) fn refusal(self, case: &Case) -> Result<(), Option<&'static str>> {
        match (self, case.task) {
            (Self::Gunzip | Self::Pipes(_), Task::Unpack) => Ok(()),
            (Self::Gunzip | Self::Pipes(_), _) => Err(None),
            (_, Task::Unpack) => Err(Some("cannot unpack")),
            (Self::S5cmd(_) | Self::Aws(_), _) if !case.together => Err(Some("takes one endpoint only")),
            (Self::S5cmd(setting) | Self::Aws(setting), Task::List) if setting != Setting::Default => {
                Err(Some("nothing to set, it lists page by page"))
            }
            (Self::JuiceFs(_) | Self::S3Sync(_), Task::List) => Err(Some("prints no listing")),
            _ => Ok(()),
        }
    }
}
