//! Is the structure of a data file sound? LMDB trusts its own pages: a damaged one is a fault that ends the process, or worse.
//!
//! The check reads the file as bytes, maps nothing and believes nothing, so that no damage can harm it. It follows every tree from the
//! newest of the two meta pages: each tree is of the kind that we make, each page is where it says it is and in one place only, nodes fill
//! their page without reaching into each other, keys ascend, what a tree counts is there, and no page is both used and free. What is in values
//! has checksums of its own and is not looked at.
//!
//! # Format
//! That of LMDB 0.9 with numbers of 64 bits, little-endian (`mdb.c`: `MDB_page`, `MDB_node`, `MDB_db`, `MDB_meta`).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use bytes::Buf;

use crate::clock::Stopwatch;

/// A check that takes longer is broken off, and has found nothing.
const PATIENCE: Duration = Duration::from_secs(60);

const MAGIC: u32 = 0xBEEF_C0DE;
const VERSION: u32 = 1;
const HEADER: usize = 16;
const NODE: usize = 8;
const METAS: u64 = 2;

const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
const OVERFLOW: u16 = 0x04;
const META: u16 = 0x08;

const BIG_DATA: u16 = 0x01;
const SUB_DATA: u16 = 0x02;

/// The keys of a tree are numbers: those of the free list, and of no other.
const INTEGER_KEY: u16 = 0x08;

/// The tree that lists free pages, as messages call it.
const FREE: &str = "free";

/// No page: the root of an empty tree.
const NO_PAGE: u64 = u64::MAX;

/// As deep as LMDB's cursors go.
const DEEPEST: u16 = 32;

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong, as far as was looked.
    Sound,
    /// It is no data file, nor what is left of one.
    Foreign,
    /// This is wrong.
    Damaged(String),
}

/// Checks the file at `path`.
///
/// # Errors
/// When it cannot be read.
pub fn check(path: &Path) -> io::Result<Verdict> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let is_of_this_format = cfg!(all(target_pointer_width = "64", target_endian = "little"));
    if length == 0 || !is_of_this_format {
        return Ok(Verdict::Sound);
    }
    let mut walk = match Walk::begin(file, length)? {
        Ok(walk) => walk,
        Err(verdict) => return Ok(verdict),
    };
    match walk.all() {
        Ok(()) | Err(Stop::Tired) => Ok(Verdict::Sound),
        Err(Stop::Damage(what)) => Ok(Verdict::Damaged(what)),
        Err(Stop::File(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Ok(Verdict::Damaged("it ends too early".into()))
        }
        Err(Stop::File(error)) => Err(error),
    }
}

/// Why a walk ended before its end.
enum Stop {
    Damage(String),
    Tired,
    File(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

type Step<T> = Result<T, Stop>;

fn damage<T>(what: impl Into<String>) -> Step<T> {
    Err(Stop::Damage(what.into()))
}

/// A tree, as its owner describes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tree {
    flags: u16,
    depth: u16,
    branches: u64,
    leaves: u64,
    overflows: u64,
    entries: u64,
    root: u64,
}

impl Tree {
    const SIZE: usize = 48;

    fn read(mut bytes: &[u8]) -> Option<(u32, Self)> {
        let pad = bytes.try_get_u32_le().ok()?;
        let tree = Self {
            flags: bytes.try_get_u16_le().ok()?,
            depth: bytes.try_get_u16_le().ok()?,
            branches: bytes.try_get_u64_le().ok()?,
            leaves: bytes.try_get_u64_le().ok()?,
            overflows: bytes.try_get_u64_le().ok()?,
            entries: bytes.try_get_u64_le().ok()?,
            root: bytes.try_get_u64_le().ok()?,
        };
        Some((pad, tree))
    }
}

/// What a meta page says.
#[derive(Debug, Clone, Copy)]
struct Meta {
    page_size: u32,
    free: Tree,
    main: Tree,
    last_page: u64,
    transaction: u64,
}

impl Meta {
    /// `None`: this is no meta page.
    fn read(page: &[u8]) -> Option<Self> {
        let flags = u16_at(page, 10)?;
        let mut bytes = page.get(HEADER..)?;
        let is_ours = bytes.try_get_u32_le().ok()? == MAGIC && bytes.try_get_u32_le().ok()? == VERSION;
        let trees = bytes.get(16..)?;
        let (page_size, free) = Tree::read(trees)?;
        let (_, main) = Tree::read(trees.get(Tree::SIZE..)?)?;
        let mut rest = trees.get(2 * Tree::SIZE..)?;
        let (last_page, transaction) = (rest.try_get_u64_le().ok()?, rest.try_get_u64_le().ok()?);
        (is_ours && flags & META != 0).then_some(Self { page_size, free, main, last_page, transaction })
    }
}

struct Walk {
    file: File,
    length: u64,
    meta: Meta,
    page_size: usize,
    /// Pages that were come by, a bit for each.
    used: Vec<u64>,
    begun: Stopwatch,
}

/// A page to be visited, how far above the leaves it is, and the least key that it may hold.
type Visit = (u64, u16, Option<Vec<u8>>);

/// A page of a tree.
struct Page {
    number: u64,
    bytes: Vec<u8>,
    flags: u16,
    /// Where the lowest of its nodes lies.
    upper: usize,
    /// Where its nodes lie.
    nodes: Vec<usize>,
}

/// A node: its key, and where its data is.
struct Node<'p> {
    low: u32,
    flags: u16,
    key: &'p [u8],
    data: &'p [u8],
}

impl Walk {
    fn begin(file: File, length: u64) -> io::Result<Result<Self, Verdict>> {
        let mut start = vec![0; usize::try_from(length.min(1 << 17)).unwrap_or(0)];
        file.read_exact_at(&mut start, 0)?;
        let Some(first) = Meta::read(&start) else {
            let is_left_of_one =
                [4096, 8192, 16384, 32768, 65536].iter().any(|at| start.get(*at..).and_then(Meta::read).is_some());
            let damaged = || Verdict::Damaged("its first page is not what it was".into());
            return Ok(Err(if is_left_of_one { damaged() } else { Verdict::Foreign }));
        };
        let damaged = |what: &str| Ok(Err(Verdict::Damaged(what.into())));
        let page_size = first.page_size as usize;
        if !page_size.is_power_of_two() || !(512..=65536).contains(&page_size) {
            return damaged("its page size is none");
        }
        let Some(second) = start.get(page_size..).and_then(Meta::read) else {
            return damaged("its second page is not what it was");
        };
        if second.page_size != first.page_size {
            return damaged("its first two pages do not agree");
        }
        let (meta, place) = if second.transaction > first.transaction { (second, 1) } else { (first, 0) };
        // Where they do not agree, LMDB takes the one and what is checked here is the other.
        if meta.transaction % METAS != place {
            return damaged("its newest state is not where it belongs");
        }
        // Pages at the end that became free before they were ever written may not be there.
        let pages = meta.last_page.saturating_add(1);
        if pages / 2 > length / page_size as u64 + (1 << 16) {
            return damaged("it is far shorter than it says");
        }
        let words = usize::try_from(pages / 64 + 1).unwrap_or(0);
        Ok(Ok(Self { file, length, meta, page_size, used: vec![0; words], begun: Stopwatch::start() }))
    }

    fn all(&mut self) -> Step<()> {
        for page in 0..METAS {
            self.take(page, 1)?;
        }
        let Meta { free, main, .. } = self.meta;
        let mut trees = Vec::new();
        self.tree(main, "main", &mut |walk, node| {
            if node.flags != SUB_DATA || node.data.len() != Tree::SIZE {
                return damage("a database is none");
            }
            let name = String::from_utf8_lossy(node.key).into_owned();
            trees.extend(Tree::read(node.data).map(|(_, tree)| (name, tree)));
            walk.rest()
        })?;
        for (name, tree) in trees {
            self.tree(tree, &name, &mut |walk, node| walk.value(node).map(|_| ()))?;
        }
        // Last: what is free must not be used by any of them.
        let mut free_pages = Vec::new();
        self.tree(free, FREE, &mut |walk, node| {
            free_pages.extend(walk.free_pages(node)?);
            Ok(())
        })?;
        free_pages.into_iter().try_for_each(|page| self.take(page, 1))
    }

    /// Breaks off when it takes too long.
    fn rest(&self) -> Step<()> {
        if self.begun.elapsed() > PATIENCE { Err(Stop::Tired) } else { Ok(()) }
    }

    /// Comes by `count` pages from `first` on.
    fn take(&mut self, first: u64, count: u64) -> Step<()> {
        let end = first.checked_add(count).filter(|end| *end <= self.meta.last_page + 1);
        let Some(end) = end else { return damage(format!("page {first} is not in the file")) };
        for page in first..end {
            let word = usize::try_from(page / 64).ok().and_then(|index| self.used.get_mut(index));
            let Some(word) = word else { return damage(format!("page {page} is not in the file")) };
            let bit = 1_u64 << (page % 64);
            if *word & bit != 0 {
                return damage(format!("page {page} is used twice"));
            }
            *word |= bit;
        }
        Ok(())
    }

    /// Follows a tree, handing each entry to `each`, and counts it.
    fn tree(&mut self, tree: Tree, name: &str, each: &mut dyn FnMut(&mut Self, &Node<'_>) -> Step<()>) -> Step<()> {
        // One whose keys have several values, or sort otherwise, would be read and written as what it is not.
        let flags = if name == FREE { INTEGER_KEY } else { 0 };
        let mut counted = Tree { flags, root: tree.root, depth: tree.depth, ..Tree::default() };
        if tree.root == NO_PAGE {
            let empty = Tree { depth: 0, ..counted };
            return if tree == empty { Ok(()) } else { damage(format!("{name} is not what it says")) };
        }
        if !(1..=DEEPEST).contains(&tree.depth) {
            return damage(format!("{name} is {} pages deep", tree.depth));
        }
        // The next one last.
        let mut left: Vec<Visit> = vec![(tree.root, tree.depth - 1, None)];
        let mut last_key: Option<Vec<u8>> = None;
        while let Some((number, height, least)) = left.pop() {
            self.rest()?;
            let page = self.page(number)?;
            if height > 0 {
                counted.branches += 1;
                left.extend(page.children(height, least)?);
                continue;
            }
            counted.leaves += 1;
            if page.flags != LEAF || page.nodes.is_empty() {
                return damage(format!("page {number} of {name} is no leaf"));
            }
            for node in page.nodes()? {
                let is_low = least.as_deref().is_some_and(|least| is_before(name, node.key, least));
                if is_low || last_key.as_deref().is_some_and(|last| !is_before(name, last, node.key)) {
                    return damage(format!("the keys of page {number} do not ascend"));
                }
                last_key = Some(node.key.to_vec());
                counted.entries += 1;
                counted.overflows += self.overflow(&node)?;
                each(self, &node)?;
            }
        }
        if counted == tree { Ok(()) } else { damage(format!("{name} is not what it says")) }
    }

    /// Reads a page of a tree, and sees whether it holds together.
    fn page(&mut self, number: u64) -> Step<Page> {
        self.take(number, 1)?;
        let mut bytes = vec![0; self.page_size];
        self.file.read_exact_at(&mut bytes, number * self.page_size as u64)?;
        Page::read(number, bytes).map_or_else(|| damage(format!("page {number} does not hold together")), Ok)
    }

    /// Comes by the pages that hold a large value; how many there are.
    fn overflow(&mut self, node: &Node<'_>) -> Step<u64> {
        if node.flags & BIG_DATA == 0 {
            return Ok(0);
        }
        let Ok(number) = node.data.try_into().map(u64::from_le_bytes) else { return damage("a large value is none") };
        let count = (HEADER as u64 + u64::from(node.low)).div_ceil(self.page_size as u64);
        self.take(number, count)?;
        let mut header = [0; HEADER];
        self.file.read_exact_at(&mut header, number * self.page_size as u64)?;
        if (number + count) * self.page_size as u64 > self.length {
            return damage(format!("page {number} is not in the file"));
        }
        let told = (u64_at(&header, 0), u16_at(&header, 10), u32_at(&header, 12).map(u64::from));
        if told == (Some(number), Some(OVERFLOW), Some(count)) {
            Ok(count)
        } else {
            damage(format!("page {number} is no large value"))
        }
    }

    /// A value that is small, or that its node says is elsewhere.
    fn value<'p>(&self, node: &Node<'p>) -> Step<&'p [u8]> {
        self.rest()?;
        if node.flags & !BIG_DATA == 0 { Ok(node.data) } else { damage("a value is none") }
    }

    /// The pages that an entry of the free list names: their number, and they, descending.
    fn free_pages(&self, node: &Node<'_>) -> Step<Vec<u64>> {
        let mut large = Vec::new();
        let mut bytes = self.value(node)?;
        if node.flags & BIG_DATA != 0 {
            let number = u64_at(bytes, 0).unwrap_or(NO_PAGE);
            large.resize(node.low as usize, 0);
            self.file.read_exact_at(&mut large, number * self.page_size as u64 + HEADER as u64)?;
            bytes = &large;
        }
        let count = bytes.try_get_u64_le().ok().and_then(|count| usize::try_from(count).ok());
        let mut pages: Vec<u64> =
            bytes.chunks_exact(8).map(|page| page.try_into().map_or(NO_PAGE, u64::from_le_bytes)).collect();
        // There may be more room than pages.
        let count = count.filter(|count| *count <= pages.len());
        pages.truncate(count.unwrap_or(0));
        if count.is_none() || node.key.len() != 8 || !pages.is_sorted_by(|one, next| one > next) {
            return damage("the list of free pages is none");
        }
        Ok(pages)
    }
}

impl Page {
    fn read(number: u64, bytes: Vec<u8>) -> Option<Self> {
        let flags = u16_at(&bytes, 10)?;
        let (lower, upper) = (usize::from(u16_at(&bytes, 12)?), usize::from(u16_at(&bytes, 14)?));
        let is_in_order = HEADER <= lower && lower <= upper && upper <= bytes.len() && lower % 2 == 0;
        if u64_at(&bytes, 0)? != number || !is_in_order || bytes.len() > 65536 {
            return None;
        }
        let nodes: Vec<usize> =
            bytes.get(HEADER..lower)?.chunks_exact(2).map(|at| usize::from(u16_at(at, 0).unwrap_or(0))).collect();
        nodes.iter().all(|at| (upper..bytes.len()).contains(at) && at % 2 == 0).then_some(Self {
            number,
            bytes,
            flags,
            upper,
            nodes,
        })
    }

    /// The children of a branch that is so high above the leaves, the last one first, each with the least key that it may hold.
    fn children(&self, height: u16, least: Option<Vec<u8>>) -> Step<Vec<Visit>> {
        let number = self.number;
        if self.flags != BRANCH || self.nodes.len() < 2 {
            return damage(format!("page {number} is no branch"));
        }
        let nodes = self.nodes()?;
        let child = |node: &Node<'_>| u64::from(node.low) | u64::from(node.flags) << 32;
        let mut children: Vec<_> =
            nodes.iter().map(|node| (child(node), height - 1, Some(node.key.to_vec()))).collect();
        // The first key of a branch is not kept: it is the least of the branch itself.
        if let Some((_, _, key)) = children.first_mut() {
            *key = least;
        }
        children.reverse();
        Ok(children)
    }

    /// Its nodes, in the order of their keys. Together they fill the page from the lowest to its end: when LMDB removes one it moves those
    /// below by its length, and where the lengths add up to more than there is, it writes beyond the page from then on.
    fn nodes(&self) -> Step<Vec<Node<'_>>> {
        let number = self.number;
        let nodes: Option<Vec<Node<'_>>> = self.nodes.iter().map(|at| self.node(*at)).collect();
        let Some(nodes) = nodes else { return damage(format!("a node of page {number} is none")) };
        let mut lengths: Vec<_> = self.nodes.iter().zip(&nodes).map(|(at, node)| (*at, node.length())).collect();
        lengths.sort_unstable();
        let end = lengths.iter().try_fold(self.upper, |end, (at, length)| (*at == end).then_some(at + length));
        if end == Some(self.bytes.len()) {
            Ok(nodes)
        } else {
            damage(format!("the nodes of page {number} do not fill it"))
        }
    }

    fn node(&self, at: usize) -> Option<Node<'_>> {
        let (low, flags) = (u32_at(&self.bytes, at)?, u16_at(&self.bytes, at + 4)?);
        let key_length = usize::from(u16_at(&self.bytes, at + 6)?);
        let data_length = match self.flags {
            BRANCH => 0,
            _ if flags & BIG_DATA != 0 => 8,
            _ => low as usize,
        };
        let rest = self.bytes.get(at + NODE..)?;
        let (key, rest) = rest.split_at_checked(key_length)?;
        let data = rest.get(..data_length)?;
        (key_length <= LONGEST_KEY).then_some(Node { low, flags, key, data })
    }
}

impl Node<'_> {
    /// How much of the page it takes; nodes begin at even places.
    fn length(&self) -> usize {
        (NODE + self.key.len() + self.data.len()).next_multiple_of(2)
    }
}

/// LMDB's bound on keys.
const LONGEST_KEY: usize = 511;

/// Does `one` sort before `other`? The free list sorts by number, everything else by bytes.
fn is_before(tree: &str, one: &[u8], other: &[u8]) -> bool {
    if tree == FREE { u64_at(one, 0) < u64_at(other, 0) } else { one < other }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests;
