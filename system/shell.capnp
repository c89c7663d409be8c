@0x9d0c35e17ab4f268;
# The default system: a file server, the schema registry, the terminal, and a shell that may start the small programs.

using Manifest = import "/schema/manifest.capnp";
using Parts = import "/system/parts.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = Parts.binaries,
  initConfig = (
    init = Parts.init,
    services = [
      Parts.fs,
      Parts.registry,
      Parts.terminal,
      (
        name = "session",
        binary = "session",
        main = true,
        budget = Parts.sessionBudget,
        args = [
          "session", "shell",
          "ls", "cat", "echo", "cp", "mv", "rm", "mkdir", "stat", "hexdump", "sha256sum", "date", "sleep", "ps", "free", "uptime",
        ],
        caps = Parts.terminalSessionCaps,
      ),
    ],
  ),
);
