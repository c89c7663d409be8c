// What the drivers share: V8's trap messages in the words of the specification's test scripts, and values.

// [V8's message, the specification's messages it may stand for]
const TRAPS = [
    [/^unreachable/, ['unreachable']],
    [/memory access out of bounds|data segment/, ['out of bounds memory access']],
    [/divide by zero|remainder by zero/, ['integer divide by zero']],
    [/divide result unrepresentable/, ['integer overflow']],
    [/float unrepresentable/, ['integer overflow', 'invalid conversion to integer']],
    [/table index is out of bounds|table initializer is out of bounds|table access out of bounds|table or element|element segment|table out of bounds/i,
        ['out of bounds table access', 'undefined element']],
    [/null function or function signature|signature mismatch/,
        ['uninitialized element', 'indirect call type mismatch']],
    [/Maximum call stack/, ['call stack exhausted']],
];

// The specification's messages an error may stand for, or null if it is no trap.
export function trapTexts(error) {
    if (!(error instanceof WebAssembly.RuntimeError) && !(error instanceof RangeError)) return null;
    for (const [pattern, texts] of TRAPS)
        if (pattern.test(error.message)) return texts;
    return null;
}

const scratch = new DataView(new ArrayBuffer(16));

// { type, value } of a wast2json file as a JavaScript value. Vectors cannot cross.
export function fromJson({ type, value }) {
    switch (type) {
    case 'i32': return Number(BigInt.asIntN(32, BigInt(value)));
    case 'i64': return BigInt.asIntN(64, BigInt(value));
    case 'f32':
        scratch.setUint32(0, Number(value));
        return scratch.getFloat32(0);
    case 'f64':
        scratch.setBigUint64(0, BigInt(value));
        return scratch.getFloat64(0);
    case 'externref': return value === 'null' ? null : Number(value);
    case 'funcref': return null;
    default: throw new Error(`a ${type} cannot cross into JavaScript`);
    }
}

// The reverse, by the type the result should have; numbers are unsigned decimal bits.
export function toJson(type, x) {
    switch (type) {
    case 'i32': return { type, value: String(x >>> 0) };
    case 'i64': return { type, value: String(BigInt.asUintN(64, x)) };
    case 'f32':
        scratch.setFloat32(0, x);
        return { type, value: String(scratch.getUint32(0)) };
    case 'f64':
        scratch.setFloat64(0, x);
        return { type, value: String(scratch.getBigUint64(0)) };
    case 'externref': return { type, value: x === null ? 'null' : String(x) };
    default: return { type, value: x === null ? 'null' : '0' };
    }
}
