//! Connected components, numbered by their first node.

use super::build::Adjacency;

/// Nodes that paths connect, whatever the direction of their edges.
pub(super) fn weak(nodes: usize, source: &[u32], target: &[u32]) -> Vec<u32> {
    let mut parent: Vec<u32> = (0..nodes as u32).collect();
    fn root(parent: &mut [u32], mut at: u32) -> u32 {
        while parent[at as usize] != at {
            let above = parent[at as usize];
            parent[at as usize] = parent[above as usize];
            at = parent[at as usize];
        }
        at
    }
    let mut size = vec![1u32; nodes];
    for (from, to) in source.iter().zip(target) {
        let (mut a, mut b) = (root(&mut parent, *from), root(&mut parent, *to));
        if a == b {
            continue;
        }
        if size[a as usize] < size[b as usize] {
            std::mem::swap(&mut a, &mut b);
        }
        parent[b as usize] = a;
        size[a as usize] += size[b as usize];
    }
    let roots = (0..nodes as u32)
        .map(|n| root(&mut parent, n))
        .collect::<Vec<_>>();
    numbered(&roots)
}

/// Nodes that reach each other along the edges: Tarjan's algorithm with a stack of its own.
pub(super) fn strong(nodes: usize, target: &[u32], out: &Adjacency) -> Vec<u32> {
    const NEW: u32 = u32::MAX;
    let mut index = vec![NEW; nodes];
    let mut low = vec![0u32; nodes];
    let mut open = vec![false; nodes];
    let mut members: Vec<u32> = Vec::new();
    let mut component = vec![0u32; nodes];
    let (mut visited, mut components) = (0u32, 0u32);
    // A node with how many of its edges were followed.
    let mut stack: Vec<(u32, usize)> = Vec::new();
    for start in 0..nodes as u32 {
        if index[start as usize] != NEW {
            continue;
        }
        stack.push((start, 0));
        while let Some((node, followed)) = stack.last_mut() {
            let (node, at) = (*node, *followed);
            let n = node as usize;
            if at == 0 && index[n] == NEW {
                index[n] = visited;
                low[n] = visited;
                visited += 1;
                members.push(node);
                open[n] = true;
            }
            let edges = out.of(node);
            if let Some(edge) = edges.get(at) {
                *followed += 1;
                let next = target[*edge as usize];
                if index[next as usize] == NEW {
                    stack.push((next, 0));
                } else if open[next as usize] {
                    low[n] = low[n].min(index[next as usize]);
                }
                continue;
            }
            stack.pop();
            if let Some((above, _)) = stack.last() {
                let above = *above as usize;
                low[above] = low[above].min(low[n]);
            }
            if low[n] == index[n] {
                while let Some(member) = members.pop() {
                    open[member as usize] = false;
                    component[member as usize] = components;
                    if member == node {
                        break;
                    }
                }
                components += 1;
            }
        }
    }
    numbered(&component)
}

/// The same groups with numbers from 0 by their first member.
fn numbered(groups: &[u32]) -> Vec<u32> {
    let mut numbers = vec![u32::MAX; groups.len()];
    let mut next = 0;
    groups
        .iter()
        .map(|group| {
            let number = &mut numbers[*group as usize];
            if *number == u32::MAX {
                *number = next;
                next += 1;
            }
            *number
        })
        .collect()
}
