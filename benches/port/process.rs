//! Runs a pipeline of processes, and says how long it took and how much memory it held at its peak.

use std::fs;
use std::io::{Read as _, Seek as _};
use std::ops::AddAssign;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often the memory is looked at; the kernel itself keeps the peak, so that only the last moments can be missed.
const LOOK: Duration = Duration::from_millis(10);

/// What a pipeline came to.
#[derive(Debug, Clone, Default)]
pub struct Finished {
    /// From the start of its first process to the end of its last.
    pub took: Duration,
    /// The peaks of its processes' resident memory added up, in kB; 0 where the kernel does not tell.
    pub peak: u64,
    /// What its processes took of the processors, as of the last look.
    #[allow(dead_code, reason = "not every bench prints it")]
    pub cpu: Duration,
    /// What its last process wrote.
    pub stdout: String,
}

impl AddAssign for Finished {
    /// One pipeline after another.
    fn add_assign(&mut self, next: Self) {
        self.took += next.took;
        self.peak = self.peak.max(next.peak);
        self.cpu += next.cpu;
        self.stdout = next.stdout;
    }
}

/// Runs commands, each reading what the one before writes.
///
/// # Errors
/// Where one of them fails: the first lines it wrote.
pub fn pipeline(commands: Vec<Command>) -> Result<Finished, String> {
    let (mut stdout, mut stderr) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let last = commands.len() - 1;
    let began = Instant::now();
    let mut children: Vec<Child> = Vec::new();
    for (at, mut command) in commands.into_iter().enumerate() {
        let before = children.last_mut().map(|child| child.stdout.take().expect("it was asked for"));
        command.stdin(before.map_or_else(Stdio::null, Stdio::from));
        command.stdout(if at == last { Stdio::from(stdout.try_clone().unwrap()) } else { Stdio::piped() });
        command.stderr(stderr.try_clone().unwrap());
        children.push(command.spawn().map_err(|error| format!("{:?}: {error}", command.get_program()))?);
    }
    let pids: Vec<u32> = children.iter().map(Child::id).collect();
    let over = AtomicBool::new(false);
    let (good, took, (peak, cpu)) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&pids, &over));
        // all of them are waited for, also where the first failed
        let ends: Vec<bool> = children.iter_mut().map(|child| child.wait().unwrap().success()).collect();
        let took = began.elapsed();
        over.store(true, Ordering::Relaxed);
        (ends.into_iter().all(|good| good), took, watcher.join().unwrap())
    });
    if good {
        return Ok(Finished { took, peak, cpu, stdout: text(&mut stdout) });
    }
    let lines = text(&mut stderr) + &text(&mut stdout);
    let lines: Vec<&str> = lines.lines().filter(|line| !line.trim().is_empty()).take(6).collect();
    Err(lines.join(" ").chars().take(400).collect())
}

fn watch(pids: &[u32], over: &AtomicBool) -> (u64, Duration) {
    let mut peaks = vec![0; pids.len()];
    let mut times = vec![Duration::ZERO; pids.len()];
    while !over.load(Ordering::Relaxed) {
        for ((peak, time), pid) in peaks.iter_mut().zip(&mut times).zip(pids) {
            *peak = (*peak).max(resident_peak(*pid).unwrap_or_default());
            *time = (*time).max(processor_time(*pid).unwrap_or_default());
        }
        std::thread::sleep(LOOK);
    }
    (peaks.iter().sum(), times.iter().sum())
}

/// Linux's high-water mark of a process's resident memory, in kB.
fn resident_peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}

/// What a process took of the processors, in Linux's hundredths of a second: fields 14 and 15 of proc(5)'s `stat`.
#[allow(dead_code, reason = "one bench asks for its own")]
pub fn processor_time(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // the program's name, which may hold anything, ends at the last bracket
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

fn text(file: &mut fs::File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
