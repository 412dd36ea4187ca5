//! Owns where things are: the configuration file, the directory of the store, the directory of logs.
//!
//! It makes nothing: whoever writes first makes the directory.

use std::path::{Path, PathBuf};

use directories::{BaseDirs, ProjectDirs};

use crate::config::Error;

/// The places of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The configuration file; it may not exist.
    pub config_file: PathBuf,
    /// The directory of the store and of the lock file.
    pub data_dir: PathBuf,
    /// The directory of the log.
    pub state_dir: PathBuf,
}

impl Paths {
    /// Finds the places: as asked for, else the XDG directories, or what stands for them on other systems.
    pub fn find(config: Option<&Path>, data_dir: Option<&Path>) -> Result<Paths, Error> {
        if let (Some(config), Some(data)) = (config, data_dir) {
            return Ok(Self::of(config.to_owned(), data));
        }
        let found = ProjectDirs::from("", "", "surat").ok_or_else(|| {
            Error::Other(
                "no home directory is known; set HOME, or say both --config FILE and --data-dir DIR".to_owned(),
            )
        })?;
        let config_file = config.map_or_else(|| found.config_dir().join("config.toml"), Path::to_owned);
        Ok(match data_dir {
            Some(data) => Self::of(config_file, data),
            None => Self {
                config_file,
                data_dir: found.data_dir().to_owned(),
                state_dir: found.state_dir().map_or_else(|| found.data_dir().join("state"), Path::to_owned),
            },
        })
    }

    fn of(config_file: PathBuf, data: &Path) -> Self {
        Self { config_file, data_dir: data.to_owned(), state_dir: data.join("state") }
    }

    /// Gives the log file.
    pub fn log_file(&self) -> PathBuf {
        self.state_dir.join("surat.log")
    }
}

/// Reads a path as people write it: `~/` is the home directory. Anything relative is refused, since it would mean
/// another place with each working directory.
pub(crate) fn expand(text: &str) -> Result<PathBuf, String> {
    let path = match text.strip_prefix("~/") {
        Some(rest) => BaseDirs::new().map(|dirs| dirs.home_dir().join(rest)).ok_or("no home directory is known")?,
        None => PathBuf::from(text),
    };
    if path.is_absolute() { Ok(path) } else { Err("must begin with / or ~/".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_lies_below_the_data_directory_that_was_asked_for() {
        let paths = Paths::find(Some(Path::new("/c/x.toml")), Some(Path::new("/d"))).unwrap();
        assert_eq!(paths.config_file, Path::new("/c/x.toml"));
        assert_eq!(paths.data_dir, Path::new("/d"));
        assert_eq!(paths.log_file(), Path::new("/d/state/surat.log"));
    }

    #[test]
    fn relative_paths_are_refused() {
        assert!(expand("Mail").is_err());
        assert_eq!(expand("/var/mail"), Ok(PathBuf::from("/var/mail")));
        assert!(expand("~/Mail").is_ok_and(|path| path.is_absolute() && path.ends_with("Mail")));
    }
}
