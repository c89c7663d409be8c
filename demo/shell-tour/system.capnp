@0xb02f7e619d4c83a5;
# The whole tour, without the pauses.

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
      (
        name = "session",
        binary = "session",
        essential = true,
        budget = Parts.sessionBudget,
        args = [
          "session", "shell",
          "ls", "cat", "echo", "cp", "mv", "rm", "mkdir", "stat", "hexdump", "sha256sum", "date", "sleep", "ps", "free", "uptime",
          "--", "-c", "help tour", "caps", "ls",
        ],
        caps = Parts.sessionCaps,
      ),
    ],
  ),
);
