/* The VirtualMemory of a new process. Apart from virtual_memory.c, which host tests link without this list.
 */
#include "core/process.h"
#include "object/kernel_caps.h"
#include "object/virtual_memory.h"
#include <capos/manifest.h>
#include <capos/process.h>

static status_t own_memory_create(struct process *process, struct object **out)
{
    return virtual_memory_create(process, out);
}

OWN_OBJECT(CAP_OWN_OBJECT_VIRTUAL_MEMORY, CAP_KERNEL_CAP_VIRTUAL_MEMORY, own_memory_create,
           &virtual_memory_type, virtual_memory_concerns);
