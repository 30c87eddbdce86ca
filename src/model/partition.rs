//! Which partition a key belongs to: murmur2 as Kafka's Java clients compute it.
//!
//! All feeds must agree, since a shard joins the partitions with one number. librdkafka's own default (CRC32) does not; an adapter
//! built on it must set `partitioner = murmur2_random` or choose the partition itself.
//!
//! Nothing here does I/O.

const SEED: u32 = 0x9747_b28c;
const MULTIPLIER: u32 = 0x5bd1_e995;
const SHIFT: u32 = 24;

/// `org.apache.kafka.common.utils.Utils.murmur2`, which reads the key little-endian; the bits of its `int`.
pub fn murmur2(key: &[u8]) -> u32 {
    let mut hash = SEED ^ (key.len() as u32);
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        let mut word = word.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        word = word.wrapping_mul(MULTIPLIER);
        word ^= word >> SHIFT;
        word = word.wrapping_mul(MULTIPLIER);
        hash = hash.wrapping_mul(MULTIPLIER) ^ word;
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        hash ^= rest.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ hash >> 15
}

/// The partition of a key, of `partitions` (at least 1): Java's `toPositive(murmur2(key)) % partitions`.
pub fn partition_of(key: &[u8], partitions: i32) -> i32 {
    (murmur2(key) & 0x7fff_ffff) as i32 % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From Apache Kafka, `UtilsTest.testMurmur2`.
    #[test]
    fn agrees_with_the_vectors_of_kafka() {
        let vectors: [(&str, i32); 6] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (key, hash) in vectors {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
    }

    #[test]
    fn the_sign_bit_is_dropped_not_negated() {
        // Java: (-973932308 & 0x7fffffff) % 10 = 1173551340 % 10
        assert_eq!(partition_of(b"21", 10), 0);
        assert_eq!(partition_of(b"21", 7), 1_173_551_340 % 7);
        assert_eq!(partition_of(b"", 1), 0);
        assert_eq!(partition_of(b"any", 0), 0, "no partitions is read as one");
    }
}
