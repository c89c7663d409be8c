@0xb8f3d1c07e6a4925;
# Two services that share two pipes and a notification, one of them with a scheduling policy that is limited.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "c-wiring", data = embed "/c-wiring.elf"),
  ],
  initConfig = (
    init = (
      binary = "init",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "boot", source = (kernel = bootPackage)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "clock", source = (kernel = timer)),
        (name = "ipc", source = (kernel = ipcFactory)),
        (name = "policy", source = (kernel = schedulingPolicy)),
      ],
    ),
    pipes = [(name = "lines", capacityBytes = 4096), (name = "turns", capacityBytes = 4096)],
    notifications = ["bell"],
    services = [
      (
        name = "producer",
        binary = "c-wiring",
        args = ["c-wiring", "producer"],
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "turns", source = (pipeReader = "turns"), expects = "PipeReader"),
          (name = "lines", source = (pipeWriter = "lines"), expects = "PipeWriter"),
          (name = "bell", source = (signaler = "bell"), expects = "Signaler"),
          (name = "policy", source = (kernel = schedulingPolicy)),
        ],
        maxWeight = 200,
        restart = (mode = onFailure, limit = 3, backoffMs = 1),
      ),
      (
        name = "consumer",
        binary = "c-wiring",
        main = true,
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "lines", source = (pipeReader = "lines"), expects = "PipeReader"),
          (name = "turns", source = (pipeWriter = "turns"), expects = "PipeWriter"),
          (name = "bell", source = (notification = "bell"), expects = "Notification"),
        ],
      ),
    ],
  ),
);
