@0xe2a86c0f5d17b394;
# c-hello as the first process: the boot rows wait for its line.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [(name = "c-hello", data = embed "/c-hello.elf")],
  initConfig = (init = (binary = "c-hello", caps = [(name = "console", source = (kernel = console))])),
);
