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
    Pipes,
}

impl Tool {
    fn setting(self) -> Option<Setting> {
        match self {
            Self::Rclone(setting)
            | Self::JuiceFs(setting)
            | Self::S3Sync(setting)
            | Self::S5cmd(setting)
            | Self::Aws(setting) => Some(setting),
            Self::Solgate(_) | Self::Mirror(_) | Self::Floor | Self::Gunzip | Self::Pipes => None,
        }
    }

    /// The same peer, set otherwise.
    pub(super) fn set(self, setting: Setting) -> Self {
        match self {
            Self::Rclone(_) => Self::Rclone(setting),
            Self::JuiceFs(_) => Self::JuiceFs(setting),
            Self::S3Sync(_) => Self::S3Sync(setting),
            Self::S5cmd(_) => Self::S5cmd(setting),
            Self::Aws(_) => Self::Aws(setting),
            Self::Solgate(_) | Self::Mirror(_) | Self::Floor | Self::Gunzip | Self::Pipes => self,
        }
    }

    /// Why it cannot do this: `None` where nobody would expect it to.
    pub(super) fn refusal(self, case: &Case) -> Result<(), Option<&'static str>> {
        match (self, case.task) {
            (Self::Gunzip | Self::Pipes, Task::Unpack) => Ok(()),
            (Self::Gunzip | Self::Pipes, _) => Err(None),
            (_, Task::Unpack) => Err(Some("cannot unpack")),
            (Self::S5cmd(_) | Self::Aws(_), _) if !case.together => Err(Some("takes one endpoint only")),
            // One object: its parts at once are another setting.
            (_, Task::Copy) if matches!(self.setting(), Some(Setting::AtOnce(_))) && case.stock.count() == 1 => {
                Err(Some("nothing to set for one object"))
            }
            (Self::S5cmd(setting) | Self::Aws(setting), Task::List) if setting != Setting::Default => {
                Err(Some("nothing to set, it lists page by page"))
            }
            (Self::JuiceFs(_) | Self::S3Sync(_), Task::List) => Err(Some("prints no listing")),
            _ => Ok(()),
        }
    }
}
