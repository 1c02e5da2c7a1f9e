//! The faults, as a seed draws them.

use std::time::Duration;

use super::World;
use crate::dice::Dice;

/// A clock is ahead by less than this: what is to happen later than that would happen too late for the test.
const AHEAD: u64 = 15;

/// A clock is behind by less than this.
const BEHIND: u64 = 7_200;

impl World {
    /// One fault, and its end.
    pub(super) async fn strike(&mut self, dice: &mut Dice) {
        let which = usize::try_from(dice.below(self.processes.len() as u64)).unwrap();
        let name = match dice.below(13) {
            0..=2 => {
                self.processes[which].kill().await;
                "killed"
            }
            3 | 4 => {
                self.processes[which].terminate().await;
                "ended"
            }
            5 => {
                self.database.crash().await;
                "database crashed"
            }
            6 => {
                let time = Duration::from_millis(500 + dice.below(3_000));
                self.database.freeze(time).await;
                "database stood still"
            }
            7 => {
                self.proxy
                    .delay(Duration::from_millis(20 + dice.below(150)));
                tokio::time::sleep(Duration::from_secs(2)).await;
                self.proxy.delay(Duration::ZERO);
                "connections slow"
            }
            8 => {
                self.proxy.refuse(true);
                self.proxy.cut();
                tokio::time::sleep(Duration::from_secs(1 + dice.below(3))).await;
                self.proxy.refuse(false);
                "connections refused"
            }
            9 if self.database.has_small_disk() => {
                let time = Duration::from_millis(1_500 + dice.below(3_000));
                self.database.fill_disk(time).await;
                "disk full"
            }
            10 | 11 if self.processes[which].has_own_clock() => {
                let seconds = match dice.below(2) {
                    0 => i64::try_from(1 + dice.below(AHEAD)).unwrap(),
                    _ => -i64::try_from(1 + dice.below(BEHIND)).unwrap(),
                };
                self.processes[which].set_clock(seconds);
                tokio::time::sleep(Duration::from_millis(2_000 + dice.below(3_000))).await;
                // It jumps back in a process that runs, or that was killed meanwhile.
                if dice.below(3) == 0 {
                    self.processes[which].kill().await;
                }
                self.processes[which].set_clock(0);
                if seconds > 0 {
                    "clock ahead"
                } else {
                    "clock behind"
                }
            }
            // And where there is no disk to fill, and no clock to set.
            _ => {
                self.proxy.cut();
                "connections cut"
            }
        };
        *self.struck.entry(name).or_default() += 1;
        // A process whose part failed for good ends; whoever watches over it starts it again.
        for process in &mut self.processes {
            if process.has_ended() {
                process.kill().await;
            }
            process.start();
        }
    }
}
