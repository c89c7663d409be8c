@0xe3b7a1508c42d96f;
# The system as a whole: init checks a graph of services, starts them in the order they need, hands each what it is
# granted, and ends when all have.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "smoke", data = embed "/smoke.elf"),
    (name = "c-hello", data = embed "/c-hello.elf"),
  ],
  initConfig = (
    init = (
      binary = "init",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "boot", source = (kernel = bootPackage)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "clock", source = (kernel = timer)),
        (name = "random", source = (kernel = entropy)),
        (name = "info", source = (kernel = systemInfo)),
      ],
    ),
    services = [
      (
        binary = "smoke",
        after = ["c-hello"],
        args = ["smoke", "all"],
        env = ["MODE=smoke"],
        caps = [
          (name = "console", source = (kernel = console), expects = "Console"),
          (name = "timer", source = (inherit = "clock"), expects = "Timer"),
          (name = "memory", source = (kernel = virtualMemory), expects = "VirtualMemory"),
          (name = "random", source = (kernel = entropy), expects = "EntropySource"),
          (name = "info", source = (kernel = systemInfo), expects = "SystemInfo"),
        ],
        budget = (frames = 512, capSlots = 64),
      ),
      (binary = "c-hello", caps = [(name = "console", source = (kernel = console))]),
    ],
  ),
  kernelParams = (motd = "smoke: two services"),
);
