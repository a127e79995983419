#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG); /* RtlGenRandom, of advapi32 */
__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *buffer, SIZE_T size) {
    for (; size > 0x40000000; buffer += 0x40000000, size -= 0x40000000) SystemFunction036(buffer, 0x40000000);
    return SystemFunction036(buffer, (ULONG)size);
}
