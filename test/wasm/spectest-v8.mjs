// Replays a wast2json file on node's V8. usage: node spectest-v8.mjs FILE.json
//
// An oracle for our own tests beside wabt. Assertions that pass a vector between JavaScript and WebAssembly are
// counted as skipped: the language has no such value.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fromJson, toJson, trapTexts } from './v8.mjs';

const file = process.argv[2];
const { commands } = JSON.parse(readFileSync(file, 'utf8'));
const spectest = {
    global_i32: new WebAssembly.Global({ value: 'i32' }, 666),
    global_i64: new WebAssembly.Global({ value: 'i64' }, 666n),
    memory: new WebAssembly.Memory({ initial: 1, maximum: 2 }),
    table: new WebAssembly.Table({ element: 'anyfunc', initial: 10, maximum: 20 }),
    print() {},
};
const registry = { spectest };
const named = new Map();
let current = null;
let passed = 0, failed = 0, skipped = 0;

class Skip extends Error {}
class Failure extends Error {}

const bytes = (command) => readFileSync(join(dirname(file), command.filename));
const imports = () => new Proxy(registry, { get: (all, name) => all[name] ?? {} });
const instantiate = (command) => new WebAssembly.Instance(new WebAssembly.Module(bytes(command)), imports());
const instanceOf = (action) => (action.module ? named.get(action.module) : current);
const isVector = (v) => v.type === 'v128';

function act(action) {
    const target = instanceOf(action).exports[action.field];
    if (action.type === 'get') return target.value;
    if (action.args.some(isVector)) throw new Skip();
    return target(...action.args.map(fromJson));
}

function matches(expected, x) {
    if (/^nan/.test(expected.value)) return Number.isNaN(x);
    if (expected.type === 'funcref' && expected.value === 'null') return x === null;
    return toJson(expected.type, x).value === expected.value;
}

function assertReturn(command) {
    if (command.expected.some(isVector)) throw new Skip();
    const result = act(command.action);
    const results = command.expected.length === 0 ? [] : Array.isArray(result) ? result : [result];
    command.expected.forEach((e, i) => {
        if (!matches(e, results[i])) throw new Failure(`result ${i}: expected ${e.value}, got ${results[i]}`);
    });
}

function assertTrap(command, body) {
    try {
        body();
    } catch (error) {
        if (error instanceof Skip) throw error;
        const texts = trapTexts(error);
        if (texts?.some((t) => t.startsWith(command.text) || command.text.startsWith(t))) return;
        throw new Failure(`expected trap "${command.text}", got ${error}`);
    }
    throw new Failure(`expected trap "${command.text}"`);
}

function assertRefused(command, kind, body) {
    try {
        body();
    } catch (error) {
        if (error instanceof kind) return;
        throw new Failure(`expected "${command.text}", got ${error}`);
    }
    throw new Failure(`expected "${command.text}"`);
}

const runners = {
    module(command) {
        current = instantiate(command);
        if (command.name) named.set(command.name, current);
    },
    register: (command) => { registry[command.as] = (command.name ? named.get(command.name) : current).exports; },
    action: (command) => act(command.action),
    assert_return: assertReturn,
    assert_trap: (command) => assertTrap(command, () => act(command.action)),
    assert_exhaustion: (command) => assertTrap(command, () => act(command.action)),
    assert_uninstantiable: (command) => assertTrap(command, () => instantiate(command)),
    assert_unlinkable: (command) => assertRefused(command, WebAssembly.LinkError, () => instantiate(command)),
    assert_invalid: (command) =>
        assertRefused(command, WebAssembly.CompileError, () => new WebAssembly.Module(bytes(command))),
    assert_malformed(command) {
        if (command.module_type === 'text') throw new Skip();
        assertRefused(command, WebAssembly.CompileError, () => new WebAssembly.Module(bytes(command)));
    },
};

for (const command of commands) {
    try {
        runners[command.type](command);
        passed++;
    } catch (error) {
        if (error instanceof Skip) {
            skipped++;
        } else {
            failed++;
            console.log(`line ${command.line}: ${command.type}: ${error.message}`);
        }
    }
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed ? 1 : 0);
