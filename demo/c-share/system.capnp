@0x9e5f20d8b7c41a36;
# Two processes and one MemoryObject; the program stands in init's place.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [(name = "c-share", data = embed "/c-share.elf")],
  initConfig = (
    init = (
      binary = "c-share",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "timer", source = (kernel = timer)),
        (name = "memory", source = (kernel = virtualMemory)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "shared-park", source = (kernel = sharedParkSpace)),
      ],
    ),
  ),
);
