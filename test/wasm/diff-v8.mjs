// Runs the modules and calls that wasm-gen wrote on node's V8 and writes what it saw as wast2json files, so that any
// engine with a replayer can be compared. usage: node diff-v8.mjs DIRECTORY MODULES_PER_FILE [ENGINE SAMPLE]
//
// Calls of a module share an instance: memory, tables and globals carry over, traps included; the last two calls
// hash the memory and give the globals. With ENGINE, every SAMPLEth module's calls are also made each in a fresh
// instance and compared with `ENGINE run --invoke --dump-state`: results, trap, memory and raw globals.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromJson, toJson, trapTexts } from './v8.mjs';

const [directory, perFile, engine, sample] = process.argv.slice(2);

function readModules() {
    const modules = [];
    for (const line of readFileSync(join(directory, 'calls'), 'utf8').split('\n')) {
        const words = line.split(' ');
        if (words[0] === 'module') modules.push({ filename: words[1], calls: [] });
        if (words[0] !== 'call') continue;
        const arrow = words.indexOf('->');
        const args = words.slice(2, arrow).map((word) => {
            const [type, value] = word.split(':');
            return { type, value };
        });
        modules.at(-1).calls.push({ field: words[1], args, results: words.slice(arrow + 1) });
    }
    return modules;
}

// { values } or { traps: the messages that fit }.
function call(instance, { field, args, results }) {
    try {
        const result = instance.exports[field](...args.map(fromJson));
        const list = results.length === 0 ? [] : results.length === 1 ? [result] : result;
        return { values: results.map((type, i) => toJson(type, list[i])) };
    } catch (error) {
        const traps = trapTexts(error);
        if (!traps) throw error;
        return { traps };
    }
}

// ---- replay files ---------------------------------------------------------------------------------------------

let callCount = 0, trapCount = 0;

// A command's line is the module's seed and the call's number in it. Where V8's trap stands for several, the file
// expects the first, and `either` lists the others that are as good.
function commandsOf(module, either) {
    const instance = new WebAssembly.Instance(module.compiled, {});
    let line = parseInt(module.filename, 10) * 100;
    const commands = [{ type: 'module', line, filename: module.filename }];
    for (const one of module.calls) {
        line++;
        const outcome = call(instance, one);
        const action = { type: 'invoke', field: one.field, args: one.args };
        callCount++;
        if (outcome.values) {
            commands.push({ type: 'assert_return', line, action, expected: outcome.values });
        } else {
            trapCount++;
            const expected = one.results.map((type) => ({ type }));
            commands.push({ type: 'assert_trap', line, action, text: outcome.traps[0], expected });
            for (const other of outcome.traps.slice(1)) either.push(`${line}: assert_trap: other trap: ${other}`);
        }
    }
    return commands;
}

function writeReplay(modules, index) {
    const either = [];
    const commands = modules.flatMap((m) => commandsOf(m, either));
    const text = commands.map((c) => JSON.stringify(c)).join(',\n');
    const name = `batch-${String(index).padStart(4, '0')}.json`;
    writeFileSync(join(directory, `${name}.either`), either.join('\n') + '\n');
    writeFileSync(join(directory, name), `{"source_filename": "${name}", "commands": [\n${text}]}\n`);
}

// ---- states ---------------------------------------------------------------------------------------------------

// FNV-1a on 64 bits in two halves; the prime is 2^40 + 0x1b3.
function fnv1a(bytes) {
    let low = 0x84222325, high = 0xcbf29ce4;
    for (const byte of bytes) {
        low = (low ^ byte) >>> 0;
        const product = low * 0x1b3;
        high = (high * 0x1b3 + Math.floor(product / 0x100000000) + low * 0x100) % 0x100000000;
        low = product % 0x100000000;
    }
    const hex = (x) => x.toString(16).padStart(8, '0');
    return `0x${hex(high >>> 0)}${hex(low >>> 0)}`;
}

const hex = (value, digits) => '0x' + BigInt(value).toString(16).padStart(digits, '0');

// A value as the command line writes it.
function cliText({ type, value }) {
    if (type === 'f32') return `f32:${hex(value, 8)}`;
    if (type === 'f64') return `f64:${hex(value, 16)}`;
    return `${type}:${value}`;
}

function cliArgument({ type, value }) {
    return type === 'f32' || type === 'f64' ? `bits:${hex(value, 0)}` : value;
}

const isNaNText = (text) => {
    const [type, bits] = text.split(':0x');
    if (type === 'f32') return (parseInt(bits, 16) & 0x7fffffff) > 0x7f800000;
    return type === 'f64' && (BigInt('0x' + bits) & 0x7fffffffffffffffn) > 0x7ff0000000000000n;
};

// The engine's raw globals as `g` would give them: vectors as two i64, references to functions as whether null.
function crossedGlobals(texts) {
    return texts.flatMap((text) => {
        const [type, value] = text.split(':');
        if (type === 'v128') {
            const lane = (at) => BigInt('0x' + value.slice(2 + at, 18 + at).match(/../g).reverse().join(''));
            return [`i64:${lane(0)}`, `i64:${lane(16)}`];
        }
        if (type === 'funcref') return [`i32:${value === 'null' ? 1 : 0}`];
        if (isNaNText(text)) return [type === 'f32' ? 'f32:0x7fc00000' : 'f64:0x7ff8000000000000'];
        return [text];
    });
}

function expectedState(module, one) {
    const instance = new WebAssembly.Instance(module.compiled, {});
    const outcome = call(instance, one);
    const memory = new Uint8Array(instance.exports.memory.buffer);
    const globals = call(instance, module.calls.at(-1)).values.map(cliText);
    return {
        results: outcome.values?.map(cliText) ?? [],
        traps: outcome.traps,
        memory: `memory 0 pages=${memory.length / 65536} fnv1a=${fnv1a(memory)}`,
        globals,
    };
}

function compareState(module, one) {
    const expected = expectedState(module, one);
    const args = ['run', join(directory, module.filename), '--dump-state', '--invoke', one.field, ...one.args.map(cliArgument)];
    const { status, stdout, stderr } = spawnSync(engine, args, { encoding: 'utf8' });
    const lines = stdout.split('\n').filter((line) => line);
    const got = {
        results: lines.filter((line) => !/^(memory|global) /.test(line)),
        memory: lines.find((line) => line.startsWith('memory 0')),
        globals: crossedGlobals(lines.filter((line) => line.startsWith('global ')).map((line) => line.split(' ')[2])),
    };
    const trap = /^trap: (.*)/m.exec(stderr)?.[1];
    const trapFits = expected.traps ? status === 3 && expected.traps.includes(trap) : status === 0;
    const same = ['results', 'memory', 'globals'].every((key) => String(got[key]) === String(expected[key]));
    if (trapFits && same) return true;
    console.log(`differs: ${args.join(' ')}\n  V8:  ${JSON.stringify(expected)}\n  got: ${JSON.stringify({ ...got, status, trap })}`);
    return false;
}

// ---- all ------------------------------------------------------------------------------------------------------

const modules = readModules();
let states = 0, differing = 0;
modules.forEach((module, i) => {
    module.compiled = new WebAssembly.Module(readFileSync(join(directory, module.filename)));
    if (engine && i % Number(sample) === 0)
        for (const one of module.calls.slice(0, -2)) {
            states++;
            if (!compareState(module, one)) differing++;
        }
});
for (let i = 0; i * perFile < modules.length; i++)
    writeReplay(modules.slice(i * perFile, (i + 1) * perFile), i);
console.log(`${callCount} calls, ${trapCount} traps, ${states} states compared, ${differing} differ`);
process.exit(differing ? 1 : 0);
