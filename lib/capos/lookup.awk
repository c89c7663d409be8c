# Makes <capos/lookup.h> from the generated headers: typed access to the CapSet, two functions per interface.

FNR == 1 {
    count = split(FILENAME, parts, "/")
    headers[++header_count] = parts[count]
}

/^#define CAP_[A-Z0-9_]+_INTERFACE_ID / {
    name = $2
    sub(/^CAP_/, "", name)
    sub(/_INTERFACE_ID$/, "", name)
    interfaces[++interface_count] = name
}

function camel(name,    words, count, i, out) {
    count = split(tolower(name), words, "_")
    for (i = 1; i <= count; i++)
        out = out toupper(substr(words[i], 1, 1)) substr(words[i], 2)
    return out
}

END {
    print "/* Generated: edit lib/capos/lookup.awk instead. */"
    print "/*"
    print " * Finding granted capabilities by name, as typed handles. For every interface X:"
    print " *"
    print " *   int32_t capos_get_X(const char *name, cap_X *out)"
    print " *       0; CAPOS_ERR_NO_CAPABILITY: nothing of that name was granted; CAPOS_ERR_WRONG_INTERFACE: what was granted"
    print " *       under it is something else. *out is untouched after an error. No kernel entry; never blocks."
    print " *"
    print " *   cap_X capos_need_X(const char *name)"
    print " *       For what a program cannot do without: if it was not granted, says so on the console grant (if any) and"
    print " *       ends the process with CAPOS_EXIT_NOT_GRANTED."
    print " *"
    print " * The handle names the process' own capability; it is not a new one, and need not be released."
    print " * Includes the header of every interface."
    print " */"
    print "#pragma once"
    print "#include <capos/call.h>"
    print "#include <capos/capos.h>"
    for (i = 1; i <= header_count; i++)
        if (headers[i] !~ /_server\.h$/)
            print "#include <capos/" headers[i] ">"
    print ""
    print "#ifdef __cplusplus"
    print "extern \"C\" {"
    print "#endif"
    print ""
    print "/* The functions below over raw ids. `interface_name` is for the message. */"
    print "int32_t capos_get_capability(const char *name, uint64_t interface_id, uint32_t *out_cap_id);"
    print "uint32_t capos_need_capability(const char *name, uint64_t interface_id, const char *interface_name);"
    for (i = 1; i <= interface_count; i++) {
        upper = interfaces[i]
        lower = tolower(upper)
        print ""
        print "static inline int32_t capos_get_" lower "(const char *name, cap_" lower " *out)"
        print "{"
        print "    uint32_t id = 0;"
        print "    int32_t status = capos_get_capability(name, CAP_" upper "_INTERFACE_ID, &id);"
        print "    if (status >= 0) {"
        print "        out->id = id;"
        print "        out->mode = CAPOS_XFER_COPY;"
        print "    }"
        print "    return status;"
        print "}"
        print ""
        print "static inline cap_" lower " capos_need_" lower "(const char *name)"
        print "{"
        print "    cap_" lower " handle = {capos_need_capability(name, CAP_" upper "_INTERFACE_ID, \"" camel(upper) "\"), CAPOS_XFER_COPY};"
        print "    return handle;"
        print "}"
    }
    print ""
    print "#ifdef __cplusplus"
    print "}"
    print "#endif"
}
