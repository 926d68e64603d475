//! BLAKE2b with a person and, for signatures, a key and a length of the operator's choice.
//!
//! The crate's own MAC has its length in its type; SIGNATURE_SIZE is known only when the program runs.

use blake2::Blake2bVarCore;
use blake2::digest::block_api::{Buffer, UpdateCore as _, VariableOutputCore as _};

const BLOCK: usize = 128;

/// `hashlib.blake2b(data, person=…)`.
pub(super) fn hash(person: &[u8; 16], data: &[u8]) -> [u8; 64] {
    sum(
        Blake2bVarCore::new_with_params(&[], person, 0, 64),
        Buffer::<Blake2bVarCore>::default(),
        &[data],
    )
}

/// `hashlib.blake2b(parts, key=…, person=…, digest_size=size)`; `size` is 1 to 64.
pub(super) fn mac(person: &[u8; 16], key: &[u8; 64], size: usize, parts: &[&[u8]]) -> Vec<u8> {
    // The key fills the first block.
    let mut block = [0; BLOCK];
    block[..key.len()].copy_from_slice(key);
    let whole = sum(
        Blake2bVarCore::new_with_params(&[], person, key.len(), size.min(64)),
        Buffer::<Blake2bVarCore>::new(&block),
        parts,
    );
    whole[..size.min(64)].to_vec()
}

fn sum(mut core: Blake2bVarCore, mut buffer: Buffer<Blake2bVarCore>, parts: &[&[u8]]) -> [u8; 64] {
    for part in parts {
        buffer.digest_blocks(part, |blocks| core.update_blocks(blocks));
    }
    let mut whole = [0; 64];
    core.finalize_variable_core(&mut buffer, (&mut whole).into());
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::hex;

    /// Every length of a signature over data that ends before, at and after the end of a block, in one piece and in two.
    /// The answer is hashlib's.
    #[test]
    fn lengths_and_blocks() {
        let key: [u8; 64] = std::array::from_fn(|at| u8::try_from(at).unwrap());
        let data: Vec<u8> = (0..=250).cycle().take(400).collect();
        let mut all = Vec::new();
        for size in 1..=64 {
            for length in [0, 1, 63, 64, 65, 127, 128, 129, 255, 256, 257, 400] {
                let data = &data[..length];
                let whole = mac(b"sesame.tokens_v2", &key, size, &[data]);
                let (one, two) = data.split_at(length / 3);
                assert_eq!(
                    mac(b"sesame.tokens_v2", &key, size, &[one, &[], two]),
                    whole
                );
                assert_eq!(whole.len(), size);
                all.extend(whole);
            }
        }
        let sum = hash(b"sesame.settings\0", &all);
        assert_eq!(hex(&sum[..16]), "dc37a4b3ee34397062578790ccd558eb");
    }
}
