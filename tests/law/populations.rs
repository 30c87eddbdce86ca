//! Who is looked at: per rule persons at its limits, and persons to whom anything may happen.
//!
//! A recipe makes one group of persons from dice. Each is thrown as often as `LAW_PERSONS` says.

use crate::facts::Group;
use crate::people::Maker;
use crate::terms;

mod anything;
mod family;
mod identity;
mod protection;
mod residence;
mod studies;
mod work;

/// Makes a group from a maker that knows its number and has its own dice.
pub type Recipe = fn(Maker) -> Group;

/// By name; the name is the group's story.
pub const RECIPES: &[&[(&str, Recipe)]] = &[
    work::RECIPES,
    studies::RECIPES,
    residence::RECIPES,
    protection::RECIPES,
    identity::RECIPES,
    family::RECIPES,
    anything::RECIPES,
];

/// `each` groups of every recipe, from one seed.
pub fn groups(each: usize, seed: u64) -> Vec<Group> {
    let recipes: Vec<&(&str, Recipe)> = RECIPES.iter().copied().flatten().collect();
    let mut out = Vec::new();
    for (place, (story, recipe)) in recipes.iter().enumerate() {
        for turn in 0..each {
            let dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (place as u64) << 32 ^ turn as u64;
            let mut group = recipe(Maker::new(story, out.len(), dice));
            terms::tell(&mut group);
            out.push(group);
        }
    }
    out
}
