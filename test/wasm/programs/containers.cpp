// The C++ library: containers, strings, algorithms, virtual functions, closures, static constructors.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
};
struct Square : Shape {
    explicit Square(double s) : side(s) {}
    double area() const override { return side * side; }
    double side;
};
struct Circle : Shape {
    explicit Circle(double r) : radius(r) {}
    double area() const override { return 3.0 * radius * radius; }
    double radius;
};

std::vector<std::string> names = {"start", "of", "the", "program"};

double total_area()
{
    std::vector<std::unique_ptr<Shape>> shapes;
    for (int i = 0; i < 10; i++) {
        if (i % 2)
            shapes.push_back(std::make_unique<Square>(i));
        else
            shapes.push_back(std::make_unique<Circle>(i));
    }
    return std::accumulate(shapes.begin(), shapes.end(), 0.0, [](double sum, const auto &s) { return sum + s->area(); });
}

} // namespace

int main()
{
    std::map<std::string, int> counts;
    std::unordered_map<int, std::string> lookup;
    std::vector<int> numbers(1000);
    std::iota(numbers.begin(), numbers.end(), 1);
    std::sort(numbers.begin(), numbers.end(), [](int a, int b) { return a % 37 != b % 37 ? a % 37 < b % 37 : a > b; });
    for (int n : numbers) {
        counts["word" + std::to_string(n % 10)] += n;
        lookup[n] = std::string(static_cast<size_t>(n % 20), 'x');
    }
    for (const auto &[word, count] : counts)
        std::printf("%s %d\n", word.c_str(), count);
    std::function<int(int)> twice = [&](int x) { return 2 * x + numbers[0]; };
    size_t length = 0;
    for (const auto &[n, text] : lookup)
        length += text.size();
    std::printf("%g %d %zu %s\n", total_area(), twice(20), length, names[3].c_str());
    return static_cast<int>(names.size());
}
