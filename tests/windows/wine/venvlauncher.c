/* What a virtual environment's Scripts\python.exe does: runs the Python named in pyvenv.cfg, as CPython's own does. */
#include <windows.h>
#include <stdio.h>
#include <wchar.h>
static BOOL WINAPI ignore(DWORD event) { return TRUE; }
int wmain(void) {
    wchar_t self[MAX_PATH], config[MAX_PATH], python[MAX_PATH] = L"", wide[4096]; char line[4096];
    GetModuleFileNameW(NULL, self, MAX_PATH);
    wcscpy(config, self);
    for (int up = 0; up < 2 && !*python; up++) {
        *wcsrchr(config, L'\\') = 0;
        wcscat(config, L"\\pyvenv.cfg");
        FILE *file = _wfopen(config, L"rb");
        while (file && fgets(line, sizeof line, file)) {
            line[strcspn(line, "\r\n")] = 0;
            MultiByteToWideChar(CP_UTF8, 0, line, -1, wide, 4096);
            wchar_t *value = wcschr(wide, L'=');
            if (value && !wcsncmp(wide, L"home", 4) && (wide[4] == L' ' || wide[4] == L'='))
                swprintf(python, MAX_PATH, L"%ls\\python.exe", value + 1 + wcsspn(value + 1, L" "));
        }
        if (file) fclose(file);
        *wcsrchr(config, L'\\') = 0;
    }
    if (!*python) { fwprintf(stderr, L"No pyvenv.cfg file\n"); return 106; }
    SetEnvironmentVariableW(L"__PYVENV_LAUNCHER__", self);
    STARTUPINFOW start; GetStartupInfoW(&start);
    PROCESS_INFORMATION child; DWORD status = 1;
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
    HANDLE job = CreateJobObjectW(NULL, NULL);
    SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);
    SetConsoleCtrlHandler(ignore, TRUE);
    if (!CreateProcessW(python, GetCommandLineW(), NULL, NULL, TRUE, 0, NULL, NULL, &start, &child)) {
        fwprintf(stderr, L"Unable to create process using '%ls'\n", python); return 101;
    }
    AssignProcessToJobObject(job, child.hProcess);
    WaitForSingleObject(child.hProcess, INFINITE);
    GetExitCodeProcess(child.hProcess, &status);
    return status;
}
