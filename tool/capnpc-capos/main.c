/*
 * capnpc-capos: the plugin of the `capnp` compiler that writes capOS' C code from the schema.
 *
 *   capnp compile -oPATH/capnpc-capos:OUTDIR schema/...        writes below OUTDIR
 *   capnp compile -o- schema/... | capnpc-capos --dump         prints the intermediate representation
 *
 * Standard input (a CodeGeneratorRequest) -> request.c (places of its fields) -> ir.c -> one emit_*.c per
 * output. docs/schema.md describes what is generated.
 */
#include "emit.h"
#include "request.h"
#include "util.h"
#include <stdlib.h>
#include <string.h>

static void *read_all(FILE *in, size_t *len_out)
{
    size_t capacity = 1u << 16;
    size_t len = 0;
    char *bytes = xcalloc(capacity, 1);
    size_t got;
    while ((got = fread(bytes + len, 1, capacity - len, in)) != 0) {
        len += got;
        if (len < capacity)
            continue;
        bytes = realloc(bytes, capacity *= 2);
        if (bytes == NULL)
            die("out of memory");
    }
    *len_out = len;
    return bytes;
}

static void emit_all(const struct ir *ir)
{
    for (size_t i = 0; i < ir->file_count; i++) {
        const struct ir_file *file = &ir->files[i];
        if (!file->requested)
            continue;
        emit_header(file);
        emit_server_header(file);
        emit_types(file);
        emit_server(file);
        emit_client(file);
        emit_reference(file);
    }
    emit_interfaces(ir);
    emit_reflection(ir);
    emit_lock(ir);
}

int main(int argc, char **argv)
{
    bool dump = argc == 2 && strcmp(argv[1], "--dump") == 0;
    if (argc > 1 && !dump)
        die("usage: capnp compile -o%s:OUTDIR FILE.capnp...   or   capnp compile -o- FILE.capnp... | %s "
            "--dump",
            argv[0], argv[0]);
    size_t len;
    const void *bytes = read_all(stdin, &len);
    struct capnp_message message;
    struct capnp_struct request;
    if (len == 0 || capnp_message_open(&message, bytes, len, NULL, 0, &request) < 0)
        die("standard input is not a CodeGeneratorRequest; `capnp compile` runs this program "
            "(docs/schema.md)");
    message.words_left = UINT64_MAX; /* the compiler is trusted, and names are looked up many times over */
    const struct ir *ir = ir_build(request);
    if (dump)
        ir_dump(ir, stdout);
    else
        emit_all(ir);
    return 0;
}
