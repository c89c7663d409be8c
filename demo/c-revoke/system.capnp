@0xe1c47b209f5ad386;
# Capabilities lent out and taken back. The program stands in init's place; its children ("borrower") hold what it lends.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "c-revoke", data = embed "/c-revoke.elf"),
  ],
  initConfig = (
    init = (
      binary = "c-revoke",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "timer", source = (kernel = timer)),
        (name = "memory", source = (kernel = virtualMemory)),
        (name = "capabilities", source = (kernel = capabilityManager)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "shared-park", source = (kernel = sharedParkSpace)),
        (name = "info", source = (kernel = systemInfo)),
      ],
    ),
  ),
);
