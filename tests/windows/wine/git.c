/* git.exe for Wine: hands its arguments, GIT_* variables and folder to this machine's git through git_shim.py. */
#include <windows.h>
#include <stdio.h>
#include <wchar.h>
typedef char *(CDECL *unix_name_t)(LPCWSTR);
typedef int (CDECL *spawn_t)(char *const argv[], int wait);
static void put(HANDLE file, const wchar_t *text) {
    char buffer[32768]; DWORD done;
    int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, buffer, sizeof buffer, NULL, NULL);
    WriteFile(file, buffer, size, &done, NULL);
}
static void copy(const wchar_t *name, DWORD to) {
    char buffer[65536]; DWORD size, done;
    HANDLE in = CreateFileW(name, GENERIC_READ, 7, NULL, OPEN_EXISTING, 0, NULL), out = GetStdHandle(to);
    while (in != INVALID_HANDLE_VALUE && ReadFile(in, buffer, sizeof buffer, &size, NULL) && size)
        WriteFile(out, buffer, size, &done, NULL);
    CloseHandle(in); DeleteFileW(name);
}
int wmain(int argc, wchar_t **argv) {
    unix_name_t unix_name = (unix_name_t)GetProcAddress(GetModuleHandleA("kernel32"), "wine_get_unix_file_name");
    spawn_t spawn = (spawn_t)GetProcAddress(GetModuleHandleA("ntdll"), "__wine_unix_spawnvp");
    wchar_t temp[MAX_PATH], base[MAX_PATH], out[MAX_PATH], err[MAX_PATH], self[MAX_PATH], here[MAX_PATH];
    GetTempPathW(MAX_PATH, temp); GetTempFileNameW(temp, L"git", 0, base);
    swprintf(out, MAX_PATH, L"%ls.out", base); swprintf(err, MAX_PATH, L"%ls.err", base);
    HANDLE file = CreateFileW(base, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    GetCurrentDirectoryW(MAX_PATH, here); put(file, here);
    for (int i = 1; i < argc; i++) put(file, argv[i]);
    put(file, L"\x1");
    for (wchar_t *each = GetEnvironmentStringsW(); *each; each += wcslen(each) + 1)
        if (!_wcsnicmp(each, L"GIT_", 4)) put(file, each);
    CloseHandle(file);
    GetModuleFileNameW(NULL, self, MAX_PATH); wcscpy(wcsrchr(self, L'\\'), L"\\git_shim.py");
    char *words[] = {"/usr/bin/python3", unix_name(self), unix_name(base), NULL};
    int status = spawn(words, 1);
    copy(out, STD_OUTPUT_HANDLE); copy(err, STD_ERROR_HANDLE); DeleteFileW(base);
    return status;
}
