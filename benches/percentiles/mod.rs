//! Times as percentiles from a histogram, and allocations as the allocator counts them.
#![allow(dead_code, unreachable_pub)]

use std::time::Instant;

use hdrhistogram::Histogram;

/// Durations in nanoseconds.
pub struct Percentiles {
    times: Histogram<u64>,
    /// What reading the clock costs, taken off every duration.
    clock: u64,
}

impl Percentiles {
    pub fn new() -> Self {
        let mut readings: Vec<u64> = (0..1_001)
            .map(|_| {
                let started = Instant::now();
                started.elapsed().as_nanos() as u64
            })
            .collect();
        readings.sort_unstable();
        let times = Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap();
        Self { times, clock: readings[500] }
    }

    /// Times one call.
    pub fn time<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let made = call();
        let spent = (started.elapsed().as_nanos() as u64).saturating_sub(self.clock).max(1);
        self.times.record(spent).unwrap();
        made
    }

    /// Times `count` calls as one, for what is shorter than the clock can tell.
    pub fn time_each<T>(&mut self, count: u64, mut call: impl FnMut() -> T) {
        let started = Instant::now();
        for _ in 0..count {
            std::hint::black_box(call());
        }
        let spent = (started.elapsed().as_nanos() as u64).saturating_sub(self.clock) / count;
        self.times.record(spent.max(1)).unwrap();
    }

    pub fn median(&self) -> u64 {
        self.times.value_at_quantile(0.5)
    }

    pub fn p99(&self) -> u64 {
        self.times.value_at_quantile(0.99)
    }

    /// A line of a report.
    pub fn line(&self, what: &str, more: &str) -> String {
        let at = |quantile| told(self.times.value_at_quantile(quantile));
        format!(
            "{what:<58} p50 {:>9}  p90 {:>9}  p99 {:>9}  p99.9 {:>9}  max {:>9}{more}",
            at(0.5),
            at(0.9),
            at(0.99),
            at(0.999),
            told(self.times.max()),
        )
    }
}

fn told(nanos: u64) -> String {
    match nanos {
        0..10_000 => format!("{nanos} ns"),
        10_000..10_000_000 => format!("{:.1} µs", nanos as f64 / 1e3),
        _ => format!("{:.1} ms", nanos as f64 / 1e6),
    }
}

/// Allocations and bytes of one of `count` calls that `call` makes.
pub fn allocations(count: usize, call: impl FnOnce()) -> String {
    let made = allocation_counter::measure(call);
    let each = |all: u64| all as f64 / count.max(1) as f64;
    format!("  {:.1} allocations of {:.0} bytes", each(made.count_total), each(made.bytes_total))
}

/// Whether only to see that everything runs.
pub fn is_smoke() -> bool {
    std::env::args().any(|arg| arg == "--test")
}
