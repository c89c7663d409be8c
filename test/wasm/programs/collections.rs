// The Rust library: collections with a random hash seed, formatting, iterators, checked arithmetic, an exit status.
use std::collections::{BTreeMap, HashMap};

#[derive(Debug, Clone, PartialEq)]
enum Expression {
    Number(f64),
    Add(Box<Expression>, Box<Expression>),
    Multiply(Box<Expression>, Box<Expression>),
}

fn evaluate(e: &Expression) -> f64 {
    match e {
        Expression::Number(n) => *n,
        Expression::Add(a, b) => evaluate(a) + evaluate(b),
        Expression::Multiply(a, b) => evaluate(a) * evaluate(b),
    }
}

fn build(depth: u32) -> Expression {
    if depth == 0 {
        return Expression::Number(1.5);
    }
    let (a, b) = (Box::new(build(depth - 1)), Box::new(build(depth - 1)));
    if depth % 2 == 0 { Expression::Add(a, b) } else { Expression::Multiply(a, b) }
}

fn main() {
    let mut counts: HashMap<String, u64> = HashMap::new();
    for i in 0..2000u64 {
        *counts.entry(format!("key{:02}", i * i % 97)).or_insert(0) += i;
    }
    let sorted: BTreeMap<_, _> = counts.iter().collect();
    for (key, count) in sorted.iter().take(5) {
        println!("{key} {count}");
    }
    println!("{:?}", build(2));
    println!("{:.6}", evaluate(&build(6)));
    println!("{:?} {:?}", 200u8.checked_add(100), i32::MIN.checked_div(-1));
    println!("{:?}", (f32::NAN as i32, 1e20 as i64, -5.9 as u8, 300.7 as u8));
    let text: String = "the quick brown fox".split(' ').rev().map(|w| w.to_uppercase()).collect::<Vec<_>>().join("-");
    println!("{text} {}", u128::MAX);
    std::process::exit(sorted.len() as i32);
}
