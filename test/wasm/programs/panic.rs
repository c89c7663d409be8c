// A panic ends in a trap after the message.
fn main() {
    println!("before");
    let numbers = vec![1, 2, 3];
    let index = std::env::args().count() + 10;
    println!("{}", numbers[index]);
}
