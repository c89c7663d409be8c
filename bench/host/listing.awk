# The way through one operation (bench-profile's PATH) with each instruction's text, in the order of execution.
#
#   llvm-objdump -d --no-show-raw-insn FILE... | awk -f listing.awk - PATH

FNR == NR {
    if (split($0, parts, ":") > 1 && parts[1] ~ /^ *[0-9a-f]+$/) {
        gsub(/ /, "", parts[1])
        text[parts[1]] = substr($0, index($0, ":") + 1)
    }
    next
}

NF > 0 {
    printf "%s %s %d\n", $1, $2, NF - 2
    for (i = 3; i <= NF; i++)
        printf "    %s%s\n", $i, text[$i]
}
