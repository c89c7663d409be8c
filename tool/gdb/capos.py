"""gdb commands for capOS. Loaded by `capos gdb` and `make gdb-NAME`; `help capos` lists them.

They read the kernel's own structures by their C names, so a renamed field shows here at once. Lists may be caught
half-changed when the machine is stopped inside the kernel: walks are bounded.
"""
import gdb

WALK_MAX = 4096
SLOT_STATES = ("free", "reserved", "live", "moving", "retired")
THREAD_STATES = ("ready", "running", "blocked", "dead")


class Capos(gdb.Command):
    """capOS' helper commands: processes, threads, cap-dump, user-symbols, user-start."""

    def __init__(self):
        super().__init__("capos", gdb.COMMAND_USER, prefix=True)

    def invoke(self, argument, from_tty):
        gdb.execute("help capos")


def kernel_variable(source, name):
    """A variable that is static in one of the kernel's files."""
    return gdb.parse_and_eval("'%s'::%s" % (source, name))


def list_items(head, type_name, field):
    """The elements of an intrusive list (lib/base/list.h)."""
    container = gdb.lookup_type(type_name)
    offset = next(f.bitpos // 8 for f in container.fields() if f.name == field)
    end = head["head"].address
    node = head["head"]["next"]
    for _ in range(WALK_MAX):
        if node == 0 or node == end:
            return
        raw = int(node) - offset
        yield gdb.Value(raw).cast(container.pointer()).dereference()
        node = node["next"]


def processes():
    table = kernel_variable("kernel/core/process.c", "table")
    return list_items(table["processes"], "struct process", "in_table")


def process_by_id(text):
    wanted = int(text, 0)
    for process in processes():
        if int(process["id"]) == wanted:
            return process
    raise gdb.GdbError("there is no process %d (processes lists them)" % wanted)


def symbol_at(address):
    found = gdb.execute("info symbol %#x" % address, to_string=True)
    return "" if found.startswith("No symbol") else "  <%s>" % found.split(" in section")[0].strip()


class Processes(gdb.Command):
    """processes: the processes that run, with their image bases."""

    def __init__(self):
        super().__init__("processes", gdb.COMMAND_USER)

    def invoke(self, argument, from_tty):
        for process in processes():
            print("%4d  %-32s base %#x  %d threads, %d capabilities" % (
                process["id"], process["name"].string(), int(process["image_base"]),
                process["thread_count"], process["captable"]["used"]))


class Threads(gdb.Command):
    """threads [PROCESS]: threads, what they wait for, and where in user space they are."""

    def __init__(self):
        super().__init__("threads", gdb.COMMAND_USER)

    def invoke(self, argument, from_tty):
        for process in [process_by_id(argument)] if argument else processes():
            for thread in list_items(process["threads"], "struct thread", "in_process"):
                state = THREAD_STATES[int(thread["state"])]
                rip = int(thread["context"]["frame"]["rip"])
                print("%4d.%d  %-8s in flight %d  rip %#x%s" % (
                    process["id"], thread["number"], state, thread["ring"]["in_flight"], rip, symbol_at(rip)))


class CapDump(gdb.Command):
    """cap-dump PROCESS: its capability table: id, object type, references, address."""

    def __init__(self):
        super().__init__("cap-dump", gdb.COMMAND_USER)

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("cap-dump needs a process id")
        table = process_by_id(argument)["captable"]
        capacity, index, chunk = int(table["capacity"]), 0, 0
        while index < capacity:
            slots = 16 << chunk  # CAP_CHUNK0_LOG2
            for slot in range(slots):
                self.dump(index + slot, table["chunks"][chunk][slot])
            index += slots
            chunk += 1

    @staticmethod
    def dump(index, slot):
        state = int(slot["state"])
        if SLOT_STATES[state] in ("free", "retired"):
            return
        kind = slot["capability"]["type"]
        name = kind["name"].string() if kind != 0 else "-"
        target = slot["capability"]["object"]
        references = int(target["references"]) if target != 0 else 0
        identifier = int(slot["generation"]) << 14 | index  # CAP_INDEX_BITS
        print("%#10x  %-8s  %-24s references %d  %#x" % (
            identifier, SLOT_STATES[state], name, references, int(target)))


def program_file():
    value = gdb.convenience_variable("capos_program")
    if value is None:
        raise gdb.GdbError("name the program's file: user-symbols PROCESS FILE")
    return value.string()


class UserSymbols(gdb.Command):
    """user-symbols PROCESS [FILE]: load a program's symbols where it was loaded.
Without FILE: the first service's program."""

    def __init__(self):
        super().__init__("user-symbols", gdb.COMMAND_USER)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        if not words:
            raise gdb.GdbError("user-symbols PROCESS [FILE]")
        base = int(process_by_id(words[0])["image_base"])
        path = words[1] if len(words) > 1 else program_file()
        gdb.execute("add-symbol-file %s -o %#x" % (path, base))


class ProcessExists(gdb.Breakpoint):
    """Stops on the way to user space once the process is there. This way out of the kernel is assembly and always has a
    name, which functions in C lose when they are inlined."""

    def __init__(self, wanted):
        super().__init__("arch_enter_user", internal=True)
        self.wanted = wanted
        self.silent = True

    def stop(self):
        return any(int(process["id"]) == self.wanted for process in processes())


class UserStart(gdb.Command):
    """user-start [PROCESS]: run until the process exists, load its symbols, stop in its main.
PROCESS is 2, the first service, unless given."""

    def __init__(self):
        super().__init__("user-start", gdb.COMMAND_USER)

    def invoke(self, argument, from_tty):
        wanted = int(argument or "2", 0)
        there = ProcessExists(wanted)
        gdb.execute("continue")
        there.delete()
        gdb.execute("with confirm off -- user-symbols %d" % wanted)
        gdb.execute("tbreak main")
        gdb.execute("continue")


for command in (Capos, Processes, Threads, CapDump, UserSymbols, UserStart):
    command()
gdb.execute("set pagination off")
