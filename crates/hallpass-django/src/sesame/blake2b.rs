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
