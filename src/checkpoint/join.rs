//! Joins blocks: those of one capture, and those of parts that have become many.

use super::block::Block;

/// Joins blocks that come in the order in which they were written: runs of rows, owners and names become one block each, of tails and states only
/// the last stay, and units give way to newer ones.
pub fn joined(blocks: impl IntoIterator<Item = Block>) -> Vec<Block> {
    let mut out: Vec<Block> = Vec::new();
    for block in blocks {
        if let Some(block) = put(&mut out, block) {
            out.push(block);
        }
    }
    for block in &mut out {
        if let Block::Owners(own) = block {
            own.compact();
        }
    }
    let ends: Vec<(String, u32)> = out
        .iter()
        .filter_map(|block| match block {
            Block::Segments(own) => Some((own.table.clone(), own.end())),
            _ => None,
        })
        .collect();
    // Rows of an open segment that has been filled since.
    out.retain(|block| match block {
        Block::Tail(own) => !ends.iter().any(|(table, end)| *table == own.table && own.is_before(*end)),
        _ => true,
    });
    out
}

/// Puts a block together with an earlier one; gives it back if there is none that it goes with.
fn put(out: &mut [Block], block: Block) -> Option<Block> {
    let table = block.table().map(str::to_owned);
    let same = |own: &&mut Block| own.kind() == block.kind() && own.table().map(str::to_owned) == table;
    let Some(own) = out.iter_mut().filter(same).last() else { return Some(block) };
    match (own, block) {
        (Block::Names(own), Block::Names(next)) => own.append(next).err().map(Block::Names),
        (Block::Segments(own), Block::Segments(next)) => own.append(next).err().map(Block::Segments),
        (Block::Owners(own), Block::Owners(next)) => own.append(next).err().map(Block::Owners),
        (Block::Units(own), Block::Units(next)) => own.append(next).err().map(Block::Units),
        (Block::Tail(own), Block::Tail(next)) => {
            *own = next;
            None
        }
        (Block::State(own), Block::State(next)) => {
            *own = next;
            None
        }
        (_, block) => Some(block),
    }
}
