//! Processes that do a workload, and what they cost. Every figure is of a process of its own: the executable
//! starts itself as the server and as each client.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use crate::workload::{self, Workload};
use crate::{Result, server};

/// A way to do a workload.
#[derive(Clone, Copy)]
pub struct Role {
    /// Its name in the table.
    pub name: &'static str,
    /// What records for it, if it replays: roles with the same way share a directory.
    pub way: &'static str,
    /// Does it; gives the bytes of all answers.
    pub run: fn(&Job) -> Result<u64>,
}

/// What a role is given.
#[derive(Clone, Debug)]
pub struct Job {
    /// What to ask for.
    pub workload: Workload,
    /// Where the server listens.
    pub address: SocketAddr,
    /// `http` or `https`.
    pub scheme: String,
    /// A directory of this workload and way, for cassettes.
    pub dir: PathBuf,
    /// The server's root certificate, in DER.
    pub root: Vec<u8>,
}

/// What a process took.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Bytes of response bodies that the client read.
    pub bytes: u64,
    /// From the first request, or the opening of the cassette, to the last file written.
    pub wall: Duration,
    /// Of the whole process, user and system.
    pub cpu: Duration,
    /// The most memory it had, in bytes (`VmHWM` in proc_pid_status(5)).
    pub peak: u64,
    /// What of that is not the program itself: heap, stacks, shared memory (the peak without `RssFile`).
    pub data: u64,
    /// Bytes below its directory afterwards.
    pub disk: u64,
}

/// What a client's process may take: one that takes more is stopped, and the table says so.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// In seconds.
    pub time: Duration,
    /// In bytes.
    pub memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { time: Duration::from_secs(120), memory: 8_000_000_000 }
    }
}

impl Job {
    /// Does it with `role` in a fresh process.
    ///
    /// # Errors
    ///
    /// The process failed, in its own words, or was stopped.
    pub fn measure(&self, role: Role, quick: bool, limits: Limits) -> Result<Measured> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["client", role.name, self.workload.name, if quick { "quick" } else { "full" }])
            .args([&self.scheme, &self.address.to_string()])
            .arg(&self.dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stopped = watch(&mut child, limits)?;
        let told = child.wait_with_output()?;
        if let Some(why) = stopped {
            return Err(why.into());
        }
        if !told.status.success() {
            return Err(first_line(&String::from_utf8_lossy(&told.stderr)).into());
        }
        let text = String::from_utf8(told.stdout)?;
        let value = |name: &str| -> Result<u64> {
            let line = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
            Ok(line.ok_or("the client said nothing")?.parse()?)
        };
        Ok(Measured {
            bytes: value("bytes")?,
            wall: Duration::from_nanos(value("wall")?),
            cpu: Duration::from_micros(value("cpu")?),
            peak: value("peak")?,
            data: value("data")?,
            disk: size(&self.dir)?,
        })
    }

    /// Where the server is, by its name.
    pub fn base(&self) -> String {
        workload::base(&self.scheme)
    }

    /// A plain client for it.
    ///
    /// # Errors
    ///
    /// The server's root certificate is none.
    pub fn client(&self) -> Result<reqwest::Client> {
        workload::client(self.address, self.root.clone())
    }
}

/// The process of a client; `arguments` are those that [`Job::measure`] gives.
///
/// # Errors
///
/// The role's own, or an argument is wrong.
pub fn client(arguments: &[String], roles: &[Role]) -> Result<String> {
    let [role, workload, scale, scheme, address, dir] = arguments else { return Err("six arguments".into()) };
    let role = roles.iter().find(|r| r.name == role).ok_or("no such role")?;
    let workload = *workload::ALL.iter().find(|w| w.name == workload).ok_or("no such workload")?;
    let dir = PathBuf::from(dir);
    let job = Job {
        workload: if scale == "quick" { workload.quick() } else { workload },
        address: address.parse()?,
        scheme: scheme.clone(),
        root: server::root(dir.ancestors().nth(2).ok_or("no directory")?)?,
        dir,
    };
    let begun = Instant::now();
    let bytes = (role.run)(&job)?;
    let wall = begun.elapsed().as_nanos();
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros = |t: nix::sys::time::TimeVal| t.tv_sec() * 1_000_000 + t.tv_usec();
    let cpu = micros(usage.user_time()) + micros(usage.system_time());
    let peak = status(Path::new("/proc/self/status"), "VmHWM:").ok_or("the system tells no peak memory")?;
    // Pages of the program stay once they were used: those of the end are those of the peak.
    let program = status(Path::new("/proc/self/status"), "RssFile:").ok_or("the system tells no RssFile")?;
    let data = peak.saturating_sub(program);
    Ok(format!("bytes {bytes}\nwall {wall}\ncpu {cpu}\npeak {peak}\ndata {data}\n"))
}

/// Waits for the end of a process. `Some` if it was stopped, with the reason.
fn watch(child: &mut Child, limits: Limits) -> Result<Option<String>> {
    let begun = Instant::now();
    let path = PathBuf::from(format!("/proc/{}/status", child.id()));
    while child.try_wait()?.is_none() {
        let memory = status(&path, "VmRSS:").unwrap_or(0);
        let late = begun.elapsed() > limits.time;
        if late || memory > limits.memory {
            child.kill()?;
            return Ok(Some(match late {
                true => format!("not done after {} s", limits.time.as_secs()),
                false => format!("stopped at {} MB of memory", memory / 1_000_000),
            }));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(None)
}

/// A size in a file like proc_pid_status(5), in bytes.
fn status(file: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix(name))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

fn size(dir: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        sum += if metadata.is_dir() { size(&entry.path())? } else { metadata.len() };
    }
    Ok(sum)
}

/// Of a panic or an error, what fits into a table.
fn first_line(text: &str) -> String {
    let mut lines = text.lines().filter(|l| !l.trim().is_empty() && !l.starts_with("thread '"));
    let line = lines.next().unwrap_or("it failed without a word");
    line.chars().take(90).collect()
}
