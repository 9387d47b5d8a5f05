//! Commands and names as tables and files show them.

use std::{path::Path, process::Command};

use super::{
    command::Route,
    end::{ACCESS_KEY, SECRET_KEY},
};

/// For names of files and prefixes.
pub(crate) fn slug(name: &str) -> String {
    name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

/// The command line, without where things are on this machine: neither folders nor ports.
pub(crate) fn words(command: &Command, route: &Route<'_>) -> String {
    let folder = format!("{}/", route.folder.display());
    let shown = |text: &str| {
        let file = Path::new(text);
        // A program by its name, as anybody would start it.
        if file.is_absolute() && file.is_file() && !text.starts_with(&folder) {
            return file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        }
        let ends = std::iter::once((&route.from, "SOURCE")).chain(route.to.iter().map(|place| (place, "DESTINATION")));
        let text = ends.fold(text.replace(&folder, ""), |text, (place, name)| text.replace(place.host(), name));
        text.replace(ACCESS_KEY, "KEY").replace(SECRET_KEY, "SECRET")
    };
    let variables = command.get_envs().filter_map(|(name, value)| Some((name.to_string_lossy(), value?)));
    let variables = variables.map(|(name, value)| format!("{name}={}", shown(&value.to_string_lossy())));
    let arguments = std::iter::once(command.get_program()).chain(command.get_args()).map(|word| {
        let word = shown(&word.to_string_lossy());
        if word.contains([' ', '*']) { format!("'{word}'") } else { word }
    });
    variables.chain(arguments).collect::<Vec<_>>().join(" ")
}
