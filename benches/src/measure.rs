//! Measures the processes that run a workload. Each client is measured in a process of its own, and the server is a
//! process, too. For this, the executable starts itself again.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use crate::workload::{self, Workload};
use crate::{Result, server};

/// A client that runs workloads, with or without a session.
#[derive(Clone, Copy)]
pub struct Role {
    /// The name in the table.
    pub name: &'static str,
    /// Roles with the same group share a directory, so that one role can replay the recording of another.
    pub group: &'static str,
    /// Runs a job; returns the number of bytes of all response bodies.
    pub run: fn(&Job) -> Result<u64>,
}

/// The work for a role.
#[derive(Clone, Debug)]
pub struct Job {
    /// The requests to send.
    pub workload: Workload,
    /// The address on which the server listens.
    pub address: SocketAddr,
    /// `http` or `https`.
    pub scheme: String,
    /// The directory for cassettes of this workload and group.
    pub dir: PathBuf,
    /// The server's root certificate, in DER.
    pub root: Vec<u8>,
}

/// The resources that a process used.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Bytes of response bodies that the client read.
    pub bytes: u64,
    /// The time from the first request, or from opening the cassette, until the last file is written.
    pub wall: Duration,
    /// CPU time of the whole process, user and system.
    pub cpu: Duration,
    /// Peak memory, in bytes (`VmHWM` in proc_pid_status(5)).
    pub peak: u64,
    /// Peak memory without the pages of the program itself (`RssFile`), in bytes. What remains is heap, stacks and
    /// shared memory.
    pub data: u64,
    /// Size of the files in the job's directory after the run, in bytes.
    pub disk: u64,
}

/// Limits for the process of a client. If a process exceeds a limit, it is stopped, and the table says so.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest wall time.
    pub time: Duration,
    /// The largest peak memory, in bytes.
    pub memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { time: Duration::from_secs(120), memory: 8_000_000_000 }
    }
}

impl Job {
    /// Runs the job with `role` in a new process.
    ///
    /// # Errors
    ///
    /// The process failed, or was stopped because it exceeded a limit. If it failed, the error is the message that the
    /// process printed.
    pub fn measure(&self, role: Role, quick: bool, limits: Limits) -> Result<Measured> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["client", role.name, self.workload.name, if quick { "quick" } else { "full" }])
            .args([&self.scheme, &self.address.to_string()])
            .arg(&self.dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stopped = watch(&mut child, limits)?;
        let output = child.wait_with_output()?;
        if let Some(why) = stopped {
            return Err(why.into());
        }
        if !output.status.success() {
            return Err(first_line(&String::from_utf8_lossy(&output.stderr)).into());
        }
        let text = String::from_utf8(output.stdout)?;
        let value = |name: &str| -> Result<u64> {
            let line = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
            Ok(line.ok_or("the client's report is incomplete")?.parse()?)
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

    /// The server's URL, with its name as the host.
    pub fn base(&self) -> String {
        workload::base(&self.scheme)
    }

    /// A plain client for the job.
    ///
    /// # Errors
    ///
    /// The server's root certificate is invalid.
    pub fn client(&self) -> Result<reqwest::Client> {
        workload::client(self.address, self.root.clone())
    }
}

/// Runs a job in the process that [`Job::measure`] started, and returns the measured values as text, for `measure` to
/// read. `arguments` are those after `client` on the command line of this process.
///
/// # Errors
///
/// The role failed, or an argument is wrong.
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
    let start = Instant::now();
    let bytes = (role.run)(&job)?;
    let wall = start.elapsed().as_nanos();
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros = |t: nix::sys::time::TimeVal| t.tv_sec() * 1_000_000 + t.tv_usec();
    let cpu = micros(usage.user_time()) + micros(usage.system_time());
    let peak =
        status(Path::new("/proc/self/status"), "VmHWM:").ok_or("the system does not report peak memory")?;
    // A page of the program that has been used stays in memory. So the size at the end is also the size at the peak.
    let program =
        status(Path::new("/proc/self/status"), "RssFile:").ok_or("the system does not report `RssFile`")?;
    let data = peak.saturating_sub(program);
    Ok(format!("bytes {bytes}\nwall {wall}\ncpu {cpu}\npeak {peak}\ndata {data}\n"))
}

/// Waits until the process ends. If the process exceeds a limit, stops it, and returns the reason.
fn watch(child: &mut Child, limits: Limits) -> Result<Option<String>> {
    let start = Instant::now();
    let path = PathBuf::from(format!("/proc/{}/status", child.id()));
    while child.try_wait()?.is_none() {
        let memory = status(&path, "VmRSS:").unwrap_or(0);
        let late = start.elapsed() > limits.time;
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

/// Reads a size from a file in the format of proc_pid_status(5), in bytes.
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

/// The first line of a panic or an error, short enough for the table.
fn first_line(text: &str) -> String {
    let mut lines = text.lines().filter(|l| !l.trim().is_empty() && !l.starts_with("thread '"));
    let line = lines.next().unwrap_or("failed without a message");
    line.chars().take(90).collect()
}
