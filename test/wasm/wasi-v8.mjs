// Runs WASI programs under node. usage: node wasi-v8.mjs FILE.wasm ARGUMENT...
//
// FILE.node gets the standard output and a last line `exit N` or `trap`.
import { appendFileSync, closeSync, openSync, readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [file, ...args] = process.argv.slice(2);
const output = `${file}.node`;
const stdout = openSync(output, 'w');
const wasi = new WASI({ version: 'preview1', args: ['program', ...args], env: {}, stdout, returnOnExit: true });
const module = new WebAssembly.Module(readFileSync(file));
let last;
try {
    last = `exit ${wasi.start(new WebAssembly.Instance(module, { wasi_snapshot_preview1: wasi.wasiImport }))}`;
} catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    last = 'trap';
}
closeSync(stdout);
appendFileSync(output, `${last}\n`);
