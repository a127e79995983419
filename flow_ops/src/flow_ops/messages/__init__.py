"""Every message for a problem that a user can cause, by code, in Spanish and in English.

A message says what is wrong and with which value, why it matters, and what to do.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Text:
    """One message in one language. The three parts are `str.format` templates over the same values."""

    what: str
    why: str
    do: str


@dataclass(frozen=True)
class Message:
    """One message in both languages."""

    es: Text
    en: Text


class FlowOpsError(Exception):
    """A problem that a user can mend; its text is the whole message, ready to print."""

    def __init__(self, code: str, **values: Any) -> None:
        """Take a code of `MESSAGES` and the values that its text names."""
        self.code = code
        self.values = values
        super().__init__(code)

    def __str__(self) -> str:
        """Render the message; only now, because the language may be what cannot be read."""
        return render(self.code, **self.values)


def language() -> str:
    """Return `es` or `en`: the variable `FLOW_LANGUAGE` if it is one of them, else the repository's own."""
    chosen = os.environ.get("FLOW_LANGUAGE", "")
    if chosen in ("es", "en"):
        return chosen
    # Imported here: project raises messages of this module.
    from flow_ops import project  # noqa: PLC0415

    try:
        return project.current().language
    except (FlowOpsError, OSError):
        return "es"


def render(code: str, **values: Any) -> str:
    """Return the message of `code` in the repository's language, on three lines.

    Raises:
        KeyError: `code` is unknown, or its text names a value that was not given.
    """
    spanish = language() == "es"
    text = MESSAGES[code].es if spanish else MESSAGES[code].en
    why, do = ("Por qué", "Qué hacer") if spanish else ("Why", "What to do")
    # Where nothing is near what was written, or there is nothing at all, there is nothing to ask or to list.
    nothing = r" (¿Quisiste decir|Did you mean|Hay:|There are:) -[?.]|; (hay|there are): -(?=\.)"
    what = re.sub(nothing, "", text.what.format(**values))
    return "\n".join(
        (
            f"{code}  {what}",
            f"  {why}: {text.why.format(**values)}",
            f"  {do}: {text.do.format(**values)}",
        )
    )


def print_error(error: FlowOpsError) -> None:
    """Print the message on stderr."""
    print(error, file=sys.stderr)  # noqa: T201


MESSAGES: dict[str, Message] = {
    # --- project: the repository itself
    "FT-PROJECT-01": Message(
        es=Text(
            what="No se encontró un pyproject.toml con la tabla [tool.flow-ops] desde {folder} hacia arriba.",
            why="flow_ops lee de ahí el nombre del paquete, el idioma y la zona horaria.",
            do="ejecutá el comando dentro del repositorio del flujo, o indicá su carpeta en FLOW_PROJECT_ROOT.",
        ),
        en=Text(
            what="No pyproject.toml with a [tool.flow-ops] table was found from {folder} upwards.",
            why="flow_ops reads the package's name, the language and the time zone there.",
            do="run the command inside the flow's repository, or name its folder in FLOW_PROJECT_ROOT.",
        ),
    ),
    "FT-PROJECT-02": Message(
        es=Text(
            what="Falta «{key}» en {file}.",
            why="la tabla [tool.flow-ops] debe estar completa para que los nombres coincidan en todas partes.",
            do="agregá la clave, o recuperá la tabla con: git checkout -- pyproject.toml",
        ),
        en=Text(
            what="{key!r} is missing in {file}.",
            why="the [tool.flow-ops] table must be whole for the names to agree everywhere.",
            do="add the key, or restore the table with: git checkout -- pyproject.toml",
        ),
    ),
    # --- command line and server
    "FT-ARGS-01": Message(
        es=Text(
            what="La línea de comandos no se entiende: {problem}",
            why="un nombre mal escrito haría otra cosa que la esperada.",
            do="mirá las opciones con: uv run {command} --help",
        ),
        en=Text(
            what="The command line is not understood: {problem}",
            why="a mistyped name would do something else than expected.",
            do="see the options with: uv run {command} --help",
        ),
    ),
    "FT-ARGS-02": Message(
        es=Text(
            what="{option} no admite el valor «{value}»: {problem}.",
            why="los parámetros tienen los tipos de la firma del flujo.",
            do="corregí el valor; las listas y los modelos se escriben en JSON, las fechas como 2026-12-31.",
        ),
        en=Text(
            what="{option} does not take the value {value!r}: {problem}.",
            why="parameters have the types of the flow's signature.",
            do="correct the value; lists and models are written as JSON, dates as 2026-12-31.",
        ),
    ),
    "FT-RUN-01": Message(
        es=Text(
            what="La ejecución terminó en estado {state}: {reason}",
            why="una tarea o el flujo falló; la traza está más arriba y en el archivo de logs.",
            do="corregí la causa y volvé a ejecutar el mismo comando.",
        ),
        en=Text(
            what="The run ended in state {state}: {reason}",
            why="a task or the flow failed; the traceback is above and in the log file.",
            do="mend the cause and run the same command again.",
        ),
    ),
    "FT-RUN-02": Message(
        es=Text(
            what="La ejecución se canceló: {reason}",
            why="alguien la canceló, el watchdog la terminó, o ya había otra en curso y deploy.py dice CANCEL_NEW.",
            do="si hacía falta: esperá a que termine la otra y volvé a ejecutar el mismo comando.",
        ),
        en=Text(
            what="The run was cancelled: {reason}",
            why="someone cancelled it, the watchdog ended it, or another was in progress and deploy.py says CANCEL_NEW.",
            do="if it was needed: wait for the other to end and run the same command again.",
        ),
    ),
    "FT-RUN-03": Message(
        es=Text(
            what="La ejecución terminó antes de llegar al flujo: {reason}",
            why="el worker no pudo tomar el código o armar su entorno; la causa está en la terminal o el log del worker, no en la interfaz.",
            do="mirá ahí las últimas líneas, y que su usuario pueda leer en esa máquina {place}; después repetí el comando.",
        ),
        en=Text(
            what="The run ended before it reached the flow: {reason}",
            why="the worker could not take the code or make its environment; the cause is in the worker's terminal or log, not in the UI.",
            do="read the last lines there, and see that its user can read {place} on that machine; then run the command again.",
        ),
    ),
    # --- task runners
    "FT-RUNNER-01": Message(
        es=Text(
            what="«{runner}» no es un task runner.",
            why="{variable} (o task_runner en deploy.py) dice dónde corren las tareas de .submit() y .map().",
            do="usá threads, threads:16, processes, processes:4, dask, dask:tcp://servidor:8786, ray o ray:ray://servidor:10001.",
        ),
        en=Text(
            what="{runner!r} is not a task runner.",
            why="{variable} (or task_runner in deploy.py) says where the tasks of .submit() and .map() run.",
            do="use threads, threads:16, processes, processes:4, dask, dask:tcp://host:8786, ray or ray:ray://host:10001.",
        ),
    ),
    "FT-RUNNER-02": Message(
        es=Text(
            what="El task runner «{runner}» necesita el paquete {package}, que no está instalado.",
            why="Dask y Ray son opcionales; cada repositorio declara lo que usa.",
            do="agregalo a este repositorio, subí el cambio y desplegá de nuevo: uv add {package}",
        ),
        en=Text(
            what="The task runner {runner!r} needs the package {package}, which is not installed.",
            why="Dask and Ray are optional; each repository declares what it uses.",
            do="add it to this repository, push the change and deploy again: uv add {package}",
        ),
    ),
    "FT-RUNNER-03": Message(
        es=Text(
            what="El task runner «{runner}» necesita un servidor de Prefect, y no hay ninguno indicado.",
            why="las tareas corren en otros procesos, que no llegan al servidor temporal de la ejecución.",
            do="indicá el servidor en PREFECT_API_URL, o usá threads.",
        ),
        en=Text(
            what="The task runner {runner!r} needs a Prefect server, and none is named.",
            why="its tasks run in other processes, which cannot reach the run's temporary server.",
            do="name the server in PREFECT_API_URL, or use threads.",
        ),
    ),
    "FT-RUNNER-04": Message(
        es=Text(
            what="El cluster en {address} no responde: {problem}.",
            why="está apagado, su dirección o su puerto son otros, o la red no lo alcanza.",
            do="encendelo, o corregí la dirección en {variable} (o task_runner en deploy.py); con threads no hace falta.",
        ),
        en=Text(
            what="The cluster at {address} does not answer: {problem}.",
            why="it is off, its address or port are others, or the network does not get there.",
            do="start it, or correct the address in {variable} (or task_runner in deploy.py); threads need none.",
        ),
    ),
    # --- logs
    "FT-LOGS-01": Message(
        es=Text(
            what="{variable} no puede valer {value!r}; se usa {default!r}.",
            why="un error en los ajustes de registro no debe hacer fallar una ejecución.",
            do="poné en {variable} uno de estos valores: {allowed}.",
        ),
        en=Text(
            what="{variable} cannot be {value!r}; {default!r} is used.",
            why="a mistake in the log settings must not fail a run.",
            do="set {variable} to one of these: {allowed}.",
        ),
    ),
    "FT-LOGS-02": Message(
        es=Text(
            what="No se puede escribir en el archivo de registro {file}: {error}.",
            why="la ejecución continúa y sus registros llegan a la terminal y a la interfaz, pero no al archivo.",
            do="revisá los permisos de la carpeta y el espacio en disco, o indicá otra carpeta en FLOW_LOG_DIR.",
        ),
        en=Text(
            what="The log file {file} cannot be written: {error}.",
            why="the run goes on and its records reach the terminal and the UI, but not the file.",
            do="check the folder's permissions and the space on the disk, or name another folder in FLOW_LOG_DIR.",
        ),
    ),
    # --- variables and secrets
    "FT-VARIABLE-01": Message(
        es=Text(
            what="«{name}» no puede ser el nombre de una Variable.",
            why="Prefect admite solo letras minúsculas sin acento, números, guiones y guiones bajos, hasta 255.",
            do="usá un nombre como «{suggestion}», en el código y en el servidor.",
        ),
        en=Text(
            what="{name!r} cannot be the name of a Variable.",
            why="Prefect allows only a-z, 0-9, dashes and underscores, 255 at most.",
            do="use a name such as {suggestion!r}, in the code and on the server.",
        ),
    ),
    "FT-VARIABLE-02": Message(
        es=Text(
            what="La Variable «{name}» no existe en el servidor.",
            why="el código la pide sin un valor por defecto, así que la ejecución no puede seguir.",
            do="creala en {where}, o con: prefect variable set {name} VALOR; o pasá default=... en el código.",
        ),
        en=Text(
            what="The Variable {name!r} does not exist on the server.",
            why="the code asks for it without a default, so the run cannot go on.",
            do="create it at {where}, or with: prefect variable set {name} VALUE; or give default=... in the code.",
        ),
    ),
    "FT-VARIABLE-03": Message(
        es=Text(
            what="El valor de la Variable «{name}» no es de tipo {type} ({reason}).",
            why="un valor de otro tipo fallaría más adelante, lejos de su causa.",
            do="corregí el valor en la interfaz de Prefect, en Variables, o el tipo en el código.",
        ),
        en=Text(
            what="The value of the Variable {name!r} is not of type {type} ({reason}).",
            why="a value of another type would fail later, far from its cause.",
            do="mend the value in Prefect's UI, under Variables, or the type in the code.",
        ),
    ),
    "FT-VARIABLE-04": Message(
        es=Text(
            what="La Variable «{name}» se leyó fuera de una ejecución.",
            why="leer al importar el módulo exige un servidor en las pruebas, al desplegar y en el editor, "
            "y congela el valor.",
            do="llamá a variable() dentro de una función con @flow o @task; en las pruebas, usá el fixture «variables».",
        ),
        en=Text(
            what="The Variable {name!r} was read outside a run.",
            why="reading where a module is imported needs a server in tests, deployments and editors, "
            "and freezes the value.",
            do="call variable() inside a function with @flow or @task; in tests, use the fixture 'variables'.",
        ),
    ),
    "FT-SECRET-01": Message(
        es=Text(
            what="«{name}» no puede ser el nombre de un bloque Secret.",
            why="Prefect admite solo letras minúsculas sin acento, números y guiones, sin guiones bajos.",
            do="usá un nombre como «{suggestion}», en el código y en el servidor.",
        ),
        en=Text(
            what="{name!r} cannot be the name of a Secret block.",
            why="Prefect allows only a-z, 0-9 and dashes, no underscores.",
            do="use a name such as {suggestion!r}, in the code and on the server.",
        ),
    ),
    "FT-SECRET-02": Message(
        es=Text(
            what="El bloque Secret «{name}» no existe en el servidor.",
            why="el código lo necesita, así que la ejecución no puede seguir.",
            do="crealo en {where}, con el nombre {name}.",
        ),
        en=Text(
            what="The Secret block {name!r} does not exist on the server.",
            why="the code needs it, so the run cannot go on.",
            do="create it at {where}, with the name {name}.",
        ),
    ),
    "FT-SECRET-03": Message(
        es=Text(
            what="El valor del bloque Secret «{name}» no es de tipo {type} ({reason}); no se muestra.",
            why="un valor de otro tipo fallaría más adelante, lejos de su causa.",
            do="corregí el valor en la interfaz de Prefect, en Blocks, o el tipo en el código.",
        ),
        en=Text(
            what="The value of the Secret block {name!r} is not of type {type} ({reason}); it is not shown.",
            why="a value of another type would fail later, far from its cause.",
            do="mend the value in Prefect's UI, under Blocks, or the type in the code.",
        ),
    ),
    "FT-SECRET-04": Message(
        es=Text(
            what="El bloque Secret «{name}» se leyó fuera de una ejecución.",
            why="leer al importar el módulo exige un servidor en las pruebas, al desplegar y en el editor, "
            "y deja el secreto en la memoria de todos ellos.",
            do="llamá a secret() dentro de una función con @flow o @task; en las pruebas, usá el fixture «secrets».",
        ),
        en=Text(
            what="The Secret block {name!r} was read outside a run.",
            why="reading where a module is imported needs a server in tests, deployments and editors, "
            "and leaves the secret in the memory of all of them.",
            do="call secret() inside a function with @flow or @task; in tests, use the fixture 'secrets'.",
        ),
    ),
    # --- deployment and preflight
    "FT-DEPLOY-01": Message(
        es=Text(
            what="«{name}» no es un entorno ni un despliegue de este repositorio; hay: {known}. ¿Quisiste decir {near}?",
            why="un nombre mal escrito no debe crear ni borrar nada.",
            do="usá uno de esos nombres, o agregá el entorno en ENVIRONMENTS, en deploy.py.",
        ),
        en=Text(
            what="{name!r} is no environment or deployment of this repository; there are: {known}. Did you mean {near}?",
            why="a mistyped name must create and delete nothing.",
            do="use one of those names, or add the environment to ENVIRONMENTS in deploy.py.",
        ),
    ),
    "FT-DEPLOY-02": Message(
        es=Text(
            what="deploy.py no tiene un flujo «{name}»; tiene: {known}. ¿Quisiste decir {near}?",
            why="--flow elige por el nombre que el flujo tiene en @flow(name=...).",
            do="usá uno de esos nombres.",
        ),
        en=Text(
            what="deploy.py has no flow {name!r}; it has: {known}. Did you mean {near}?",
            why="--flow chooses by the flow's name in @flow(name=...).",
            do="use one of those names.",
        ),
    ),
    "FT-DEPLOY-03": Message(
        es=Text(
            what="Retirar un despliegue necesita una confirmación, y no hay una terminal donde pedirla.",
            why="lo que se borra no vuelve: las ejecuciones futuras y el despliegue.",
            do="revisá la lista de arriba y repetí el comando con --yes.",
        ),
        en=Text(
            what="Retiring a deployment needs a confirmation, and there is no terminal to ask for it.",
            why="what is deleted does not come back: the future runs and the deployment.",
            do="look at the list above and repeat the command with --yes.",
        ),
    ),
    "FT-DEPLOY-04": Message(
        es=Text(
            what="«{deployment}» se escribió, pero al releerlo el servidor tiene otra cosa en: {fields}.",
            why="otra persona u otro programa lo cambió en el mismo momento, o el servidor ajusta ese valor.",
            do="ejecutá plan para ver la diferencia y apply otra vez; si se repite, avisá a quien mantiene la plantilla.",
        ),
        en=Text(
            what="{deployment!r} was written, but read back the server has something else in: {fields}.",
            why="another person or program changed it at the same moment, or the server adjusts that value.",
            do="run plan to see the difference and apply again; if it comes back, tell whoever keeps the template.",
        ),
    ),
    "FT-DEPLOY-05": Message(
        es=Text(
            what="El despliegue «{deployment}» quedó a mitad de camino. Ya escrito: {written}. {problem}",
            why="un pedido al servidor falló entre dos escrituras.",
            do="resolvé esa causa y ejecutá el mismo comando: retoma donde quedó y no repite nada.",
        ),
        en=Text(
            what="The deployment {deployment!r} stopped half-way. Already written: {written}. {problem}",
            why="a request to the server failed between two writes.",
            do="mend that cause and run the same command: it goes on from there and repeats nothing.",
        ),
    ),
    "FT-DEPLOY-06": Message(
        es=Text(
            what="«{deployment}» está desplegado, pero en {seconds} s el planificador de Prefect no creó ninguna ejecución.",
            why="la programación está activa y su próxima hora está cerca: el planificador del servidor no está funcionando.",
            do="mirá el log del servidor (con SQLAlchemy 2.1 muere sin avisar), reinicialo y ejecutá apply otra vez.",
        ),
        en=Text(
            what="{deployment!r} is deployed, but within {seconds} s Prefect's scheduler created no run.",
            why="the schedule is active and its next time is near: the server's scheduler is not working.",
            do="look at the server's log (with SQLAlchemy 2.1 it dies silently), restart it and run apply again.",
        ),
    ),
    "FT-DEPLOY-07": Message(
        es=Text(
            what="«{deployment}» no está en el servidor.",
            why="todavía no se desplegó, o alguien lo borró.",
            do="desplegalo con: uv run deploy.py apply {environment}",
        ),
        en=Text(
            what="{deployment!r} is not on the server.",
            why="it was not deployed yet, or someone deleted it.",
            do="deploy it with: uv run deploy.py apply {environment}",
        ),
    ),
    "FT-DEPLOY-08": Message(
        es=Text(
            what="El servidor tiene «{deployment}», de este repositorio, que deploy.py no nombra.",
            why="un despliegue renombrado en el código, o hecho de otra manera, sigue ejecutándose junto al nuevo.",
            do="si ya no hace falta: uv run deploy.py retire {deployment}",
        ),
        en=Text(
            what="The server has {deployment!r}, of this repository, which deploy.py does not name.",
            why="a deployment renamed in the code, or made in another way, goes on running beside the new one.",
            do="if it is no longer needed: uv run deploy.py retire {deployment}",
        ),
    ),
    "FT-DEPLOY-09": Message(
        es=Text(
            what="deploy.py no se puede leer, línea {line}: {reason}.",
            why="un nombre o un valor de esa línea no es de los que admite.",
            do="corregí la línea; los campos y su significado están en src/flow_ops/deployment.py.",
        ),
        en=Text(
            what="deploy.py cannot be read, line {line}: {reason}.",
            why="a name or a value in that line is none that it takes.",
            do="correct the line; the fields and their meaning are in src/flow_ops/deployment.py.",
        ),
    ),
    "FT-SERVER-02": Message(
        es=Text(
            what="PREFECT_API_URL es {url}, que no es la dirección de una API de Prefect.",
            why="la dirección empieza con http:// o https:// y termina en /api.",
            do="corregila, por ejemplo: uv run prefect config set PREFECT_API_URL=http://servidor:4200/api",
        ),
        en=Text(
            what="PREFECT_API_URL is {url}, which is no address of a Prefect API.",
            why="the address begins with http:// or https:// and ends in /api.",
            do="correct it, for instance: uv run prefect config set PREFECT_API_URL=http://server:4200/api",
        ),
    ),
    "FT-SERVER-03": Message(
        es=Text(
            what="No se pudo llegar al servidor de Prefect en {url}: {reason}.",
            why="está apagado, la dirección o el puerto son otros, o la red no lo alcanza.",
            do="abrí esa dirección en un navegador de esta máquina; si no responde, encendé el servidor o corregí PREFECT_API_URL (sin ella, un flujo ejecutado a mano usa un servidor temporal).",
        ),
        en=Text(
            what="The Prefect server at {url} cannot be reached: {reason}.",
            why="it is off, its address or port are others, or the network does not get there.",
            do="open that address in a browser of this machine; if it does not answer, start the server or correct PREFECT_API_URL (without it, a flow run by hand uses a temporary server).",
        ),
    ),
    "FT-SERVER-04": Message(
        es=Text(
            what="El servidor de Prefect en {url} acepta la conexión y no contesta en {seconds} s.",
            why="está sobrecargado o colgado, o en esa dirección atiende otro programa.",
            do="probá de nuevo en un minuto; si sigue igual, reinicialo y mirá su log.",
        ),
        en=Text(
            what="The Prefect server at {url} accepts the connection and does not answer within {seconds} s.",
            why="it is overloaded or hung, or another program listens there.",
            do="try again in a minute; if it stays so, restart it and look at its log.",
        ),
    ),
    "FT-SERVER-05": Message(
        es=Text(
            what="El servidor de Prefect en {url} no autoriza el pedido ({status}).",
            why="el usuario y la contraseña, o la clave, faltan o no son los del servidor.",
            do="definí PREFECT_API_AUTH_STRING=usuario:contraseña (o PREFECT_API_KEY) como variable de entorno o en el perfil de Prefect.",
        ),
        en=Text(
            what="The Prefect server at {url} does not authorise the request ({status}).",
            why="user and password, or the key, are missing or not those of the server.",
            do="set PREFECT_API_AUTH_STRING=user:password (or PREFECT_API_KEY) as an environment variable or in Prefect's profile.",
        ),
    ),
    "FT-SERVER-06": Message(
        es=Text(
            what="En {url} contesta algo que no es la API de Prefect.",
            why="falta /api al final, o en esa dirección hay otro programa o un proxy.",
            do="corregí PREFECT_API_URL: la dirección de la interfaz web, seguida de /api.",
        ),
        en=Text(
            what="What answers at {url} is not Prefect's API.",
            why="/api is missing at its end, or another program or a proxy is there.",
            do="correct PREFECT_API_URL: the web interface's address, followed by /api.",
        ),
    ),
    "FT-SERVER-07": Message(
        es=Text(
            what="El servidor de Prefect en {url} es la versión {server}, anterior a la {client} de este repositorio.",
            why="un servidor más viejo rechaza campos que no conoce, y sus workers se reinician sin fin.",
            do='actualizá el servidor, o fijá aquí su versión: uv add "prefect=={server}"',
        ),
        en=Text(
            what="The Prefect server at {url} is version {server}, older than this repository's {client}.",
            why="an older server refuses fields that it does not know, and its workers restart for ever.",
            do='upgrade the server, or pin its version here: uv add "prefect=={server}"',
        ),
    ),
    "FT-SERVER-08": Message(
        es=Text(
            what="El servidor rechazó {request} con {status}: {answer}",
            why="el pedido es correcto para este cliente; el servidor dice por qué no lo acepta.",
            do="leé su respuesta; si no la explica, mirá el log del servidor y repetí el comando.",
        ),
        en=Text(
            what="The server refused {request} with {status}: {answer}",
            why="the request is right for this client; the server says why it does not take it.",
            do="read its answer; if it does not explain, look at the server's log and repeat the command.",
        ),
    ),
    "FT-SERVER-09": Message(
        es=Text(
            what="PREFECT_API_URL no está definida.",
            why="sin ella Prefect enciende un servidor temporal y vacío, y después dice que falta el work pool.",
            do="definila con la dirección del servidor: uv run prefect config set PREFECT_API_URL=http://servidor:4200/api",
        ),
        en=Text(
            what="PREFECT_API_URL is not set.",
            why="without it Prefect starts a temporary, empty server, and then says that the work pool is missing.",
            do="set it to the server's address: uv run prefect config set PREFECT_API_URL=http://server:4200/api",
        ),
    ),
    "FT-FLOW-01": Message(
        es=Text(
            what="El punto de entrada «{entrypoint}» no tiene la forma src/<paquete>/<módulo>.py:<función>.",
            why="el worker carga el flujo por su archivo y su función, desde la raíz del repositorio.",
            do="corregí FLOW en deploy.py, con barras / también en Windows.",
        ),
        en=Text(
            what="The entrypoint {entrypoint!r} has not the form src/<package>/<module>.py:<function>.",
            why="the worker loads the flow by its file and function, from the repository's root.",
            do="correct FLOW in deploy.py, with / on Windows too.",
        ),
    ),
    "FT-FLOW-02": Message(
        es=Text(
            what="No existe el archivo {file}, de «{entrypoint}».",
            why="Prefect desplegaría igual, y cada ejecución se caería al empezar.",
            do="corregí FLOW en deploy.py, o recuperá el archivo.",
        ),
        en=Text(
            what="The file {file}, of {entrypoint!r}, does not exist.",
            why="Prefect would deploy all the same, and each run would crash at its start.",
            do="correct FLOW in deploy.py, or bring the file back.",
        ),
    ),
    "FT-FLOW-03": Message(
        es=Text(
            what="No se pudo importar {module} ({place}): {reason}.",
            why="lo que no se importa aquí tampoco se importa en el worker; Prefect desplegaría igual, con parámetros equivocados.",
            do="corregí esa línea, o agregá la dependencia que falta con: uv add NOMBRE",
        ),
        en=Text(
            what="{module} cannot be imported ({place}): {reason}.",
            why="what cannot be imported here cannot be on the worker either; Prefect would deploy all the same, with wrong parameters.",
            do="correct that line, or add the missing dependency with: uv add NAME",
        ),
    ),
    "FT-FLOW-04": Message(
        es=Text(
            what="«{function}», de {entrypoint}, no es un flujo. Flujos de ese archivo: {near}.",
            why="solo una función con @flow se puede desplegar.",
            do="corregí el nombre en deploy.py, o agregá @flow a la función.",
        ),
        en=Text(
            what="{function!r}, of {entrypoint}, is no flow. Flows in that file: {near}.",
            why="only a function with @flow can be deployed.",
            do="correct the name in deploy.py, or add @flow to the function.",
        ),
    ),
    "FT-FLOW-05": Message(
        es=Text(
            what="Las dependencias de {file} no incluyen prefect.",
            why="sin prefect en [project].dependencies el worker no prepara el entorno del repositorio, sin avisar, y la ejecución se cae.",
            do='agregalo con: uv add "prefect>=3.8,<4"',
        ),
        en=Text(
            what="The dependencies in {file} do not include prefect.",
            why="without prefect in [project].dependencies the worker silently skips the repository's environment, and the run crashes.",
            do='add it with: uv add "prefect>=3.8,<4"',
        ),
    ),
    "FT-MACHINE-01": Message(
        es=Text(
            what="uv no está en el PATH de esta máquina.",
            why="con uv se prepara el entorno del repositorio; un worker sin uv no puede, y sus ejecuciones se caen.",
            do="instalalo (https://docs.astral.sh/uv/) aquí y en cada máquina con workers.",
        ),
        en=Text(
            what="uv is not on this machine's PATH.",
            why="uv makes the repository's environment; a worker without it cannot, and its runs crash.",
            do="install it (https://docs.astral.sh/uv/) here and on every machine with workers.",
        ),
    ),
    "FT-MACHINE-02": Message(
        es=Text(
            what="Falta el paquete tzdata en este entorno.",
            why="Windows no trae las zonas horarias, y con las de otro origen podrían dar otra hora que en el servidor.",
            do="recuperá la dependencia en pyproject.toml y ejecutá: uv sync",
        ),
        en=Text(
            what="The package tzdata is missing in this environment.",
            why="Windows has no time zones of its own, and those of another origin might give another hour than the server's.",
            do="restore the dependency in pyproject.toml and run: uv sync",
        ),
    ),
    "FT-ZONE-01": Message(
        es=Text(
            what="«{timezone}» no es una zona horaria. ¿Quisiste decir {near}?",
            why="los nombres son los de IANA, sin espacios y con esas mayúsculas; con otro, Prefect rechaza la programación.",
            do="corregí TIMEZONE en deploy.py.",
        ),
        en=Text(
            what="{timezone!r} is no time zone. Did you mean {near}?",
            why="the names are IANA's, without blanks and with those capitals; Prefect refuses a schedule with any other.",
            do="correct TIMEZONE in deploy.py.",
        ),
    ),
    "FT-ZONE-02": Message(
        es=Text(
            what="TIMEZONE es {timezone}, la hora universal.",
            why="las programaciones se escriben en hora local; en UTC el flujo correría a otra hora que la escrita.",
            do="poné la zona del equipo en deploy.py, por ejemplo Europe/Madrid.",
        ),
        en=Text(
            what="TIMEZONE is {timezone}, universal time.",
            why="schedules are written in local time; in UTC the flow would run at another hour than the one written.",
            do="set the team's zone in deploy.py, for instance Europe/Madrid.",
        ),
    ),
    "FT-ZONE-03": Message(
        es=Text(
            what="TIMEZONE es {timezone} en deploy.py y {pinned} en pyproject.toml.",
            why="los horarios y los logs mostrarían horas distintas.",
            do="dejá la misma en los dos archivos.",
        ),
        en=Text(
            what="TIMEZONE is {timezone} in deploy.py and {pinned} in pyproject.toml.",
            why="schedules and logs would show different hours.",
            do="keep the same in both files.",
        ),
    ),
    "FT-SCHED-01": Message(
        es=Text(
            what="La programación «{cron}» no es un cron válido.",
            why="un cron tiene cinco campos: minuto, hora, día, mes y día de la semana, sin paréntesis.",
            do="corregila en deploy.py; a las 6 y a las 18, de lunes a viernes, es: 0 6,18 * * 1-5",
        ),
        en=Text(
            what="The schedule {cron!r} is no valid cron expression.",
            why="a cron expression has five fields: minute, hour, day, month and weekday, without brackets.",
            do="correct it in deploy.py; at 6:00 and 18:00, Monday to Friday, is: 0 6,18 * * 1-5",
        ),
    ),
    "FT-SCHED-02": Message(
        es=Text(
            what="El intervalo {interval} es menor que un minuto.",
            why="una ejecución tarda más que eso en empezar; se acumularían sin fin.",
            do="usá un intervalo más largo, o un bucle dentro del flujo.",
        ),
        en=Text(
            what="The interval {interval} is shorter than a minute.",
            why="a run takes longer than that to start; they would pile up for ever.",
            do="use a longer interval, or a loop within the flow.",
        ),
    ),
    "FT-SCHED-03": Message(
        es=Text(
            what="«{deployment}» tiene en el servidor programaciones hechas a mano: {schedules}.",
            why="aplicar el archivo las borraría, y alguien cuenta con ellas.",
            do="copialas a deploy.py, o repetí apply con --adopt (conservarlas) o con --remove (borrarlas).",
        ),
        en=Text(
            what="{deployment!r} has schedules made by hand on the server: {schedules}.",
            why="applying the file would wipe them, and someone relies on them.",
            do="copy them to deploy.py, or repeat apply with --adopt (keep them) or --remove (delete them).",
        ),
    ),
    "FT-SCHED-04": Message(
        es=Text(
            what="La programación hecha a mano {schedule} no está en la zona {timezone}.",
            why="solo se admite la zona del archivo, para que nadie lea una hora por otra.",
            do="escribila en deploy.py en hora local y repetí apply con --remove.",
        ),
        en=Text(
            what="The schedule made by hand {schedule} is not in the zone {timezone}.",
            why="only the file's zone is allowed, so that nobody reads one hour for another.",
            do="write it in deploy.py in local time and repeat apply with --remove.",
        ),
    ),
    "FT-SCHED-05": Message(
        es=Text(
            what="--activate no puede activar la programación de «{environment}»: el archivo la quiere pausada.",
            why="fuera de prod ninguna programación corre si el archivo no lo dice.",
            do="poné active=True en el entorno, en deploy.py.",
        ),
        en=Text(
            what="--activate cannot activate the schedule of {environment!r}: the file wants it paused.",
            why="outside prod no schedule runs unless the file says so.",
            do="set active=True in the environment, in deploy.py.",
        ),
    ),
    "FT-SCHED-06": Message(
        es=Text(
            what="«{environment}» tiene dos veces la programación {schedule}.",
            why="el flujo correría dos veces a la misma hora.",
            do="dejá una sola en deploy.py.",
        ),
        en=Text(
            what="{environment!r} has the schedule {schedule} twice.",
            why="the flow would run twice at the same time.",
            do="keep one of them in deploy.py.",
        ),
    ),
    "FT-POOL-01": Message(
        es=Text(
            what="El work pool «{pool}» no existe. ¿Quisiste decir {near}? Hay: {known}.",
            why="sin su pool las ejecuciones no llegan a ningún worker.",
            do="corregí el nombre en deploy.py, o creá el pool: uv run prefect work-pool create {pool} --type process",
        ),
        en=Text(
            what="The work pool {pool!r} does not exist. Did you mean {near}? There are: {known}.",
            why="without its pool no run reaches a worker.",
            do="correct the name in deploy.py, or create the pool: uv run prefect work-pool create {pool} --type process",
        ),
    ),
    "FT-POOL-02": Message(
        es=Text(
            what="El work pool «{pool}» está pausado.",
            why="las ejecuciones esperarían sin que nadie las tome.",
            do="averiguá quién lo pausó y reanudalo: uv run prefect work-pool resume {pool}",
        ),
        en=Text(
            what="The work pool {pool!r} is paused.",
            why="runs would wait and nobody would take them.",
            do="find out who paused it and resume it: uv run prefect work-pool resume {pool}",
        ),
    ),
    "FT-POOL-03": Message(
        es=Text(
            what="El entorno «{environment}» apunta al pool «{pool}», que no termina en -{environment} (entorno del pool: {belongs}).",
            why="así una prueba correría en producción, o producción en máquinas de prueba.",
            do="usá en deploy.py el pool del mismo entorno.",
        ),
        en=Text(
            what="The environment {environment!r} points to the pool {pool!r}, which does not end in -{environment} (the pool's environment: {belongs}).",
            why="a trial would run in production, or production on trial machines.",
            do="use the pool of the same environment in deploy.py.",
        ),
    ),
    "FT-POOL-04": Message(
        es=Text(
            what="El pool «{pool}» es de tipo {type} y no admite «{needs}».",
            why="solo los pools de contenedores (docker, kubernetes) usan una imagen.",
            do="quitá «{needs}» del entorno, o usá un pool de contenedores.",
        ),
        en=Text(
            what="The pool {pool!r} is of type {type} and takes no {needs!r}.",
            why="only pools of containers (docker, kubernetes) use an image.",
            do="remove {needs!r} from the environment, or use a pool of containers.",
        ),
    ),
    "FT-POOL-05": Message(
        es=Text(
            what="El pool «{pool}» no tiene ningún worker en línea.",
            why="se puede desplegar, pero las ejecuciones esperarán hasta que haya uno.",
            do="encendé uno: uv run prefect worker start --pool {pool} --type {type} --no-create-pool-if-not-found",
        ),
        en=Text(
            what="The pool {pool!r} has no worker online.",
            why="deploying is fine, but runs will wait until there is one.",
            do="start one: uv run prefect worker start --pool {pool} --type {type} --no-create-pool-if-not-found",
        ),
    ),
    "FT-POOL-06": Message(
        es=Text(
            what="Los workers de «{pool}» no pueden tomar ejecuciones: la cola «{queue}» está pausada, o un límite es 0.",
            why="se puede desplegar, pero las ejecuciones esperarán.",
            do="reanudá la cola, o subí el límite: prefect work-queue resume {queue} --pool {pool}",
        ),
        en=Text(
            what="The workers of {pool!r} can take no runs: the queue {queue!r} is paused, or a limit is 0.",
            why="deploying is fine, but runs will wait.",
            do="resume the queue, or raise the limit: prefect work-queue resume {queue} --pool {pool}",
        ),
    ),
    "FT-POOL-07": Message(
        es=Text(
            what="El pool «{pool}» no conoce estas job_variables: {variables}. Conoce: {known}.",
            why="Prefect las guarda y el worker las ignora.",
            do="corregí los nombres en deploy.py.",
        ),
        en=Text(
            what="The pool {pool!r} does not know these job_variables: {variables}. It knows: {known}.",
            why="Prefect stores them and the worker ignores them.",
            do="correct the names in deploy.py.",
        ),
    ),
    "FT-POOL-08": Message(
        es=Text(
            what="El pool «{pool}» es de tipo {type}, y el entorno no dice qué imagen usar.",
            why="sin imagen se usaría la de Prefect, que no tiene uv ni las dependencias del flujo.",
            do='usá un pool de tipo process, o poné image="..." en el entorno; la construye el Dockerfile del repositorio.',
        ),
        en=Text(
            what="The pool {pool!r} is of type {type}, and the environment names no image.",
            why="without one Prefect's own would be used, which has neither uv nor the flow's dependencies.",
            do='use a pool of type process, or set image="..." in the environment; the repository\'s Dockerfile builds it.',
        ),
    ),
    "FT-POOL-09": Message(
        es=Text(
            what="El pool «{pool}» es de tipo {type}, y el código está en la carpeta {path} de una máquina.",
            why="un contenedor no ve las carpetas de la máquina.",
            do="usá GitSource, o un pool de tipo process.",
        ),
        en=Text(
            what="The pool {pool!r} is of type {type}, and the code is in the folder {path} of a machine.",
            why="a container does not see the machine's folders.",
            do="use GitSource, or a pool of type process.",
        ),
    ),
    "FT-POOL-10": Message(
        es=Text(
            what="El pool «{pool}», de tipo {type}, no admite ese valor en «{variable}»: {reason}.",
            why="la plantilla de trabajos del pool dice qué valores puede tener cada job_variable; el servidor rechazaría el despliegue.",
            do="corregí job_variables en deploy.py.",
        ),
        en=Text(
            what="The pool {pool!r}, of type {type}, does not take that value in {variable!r}: {reason}.",
            why="the pool's base job template says which values each job variable may have; the server would refuse the deployment.",
            do="correct job_variables in deploy.py.",
        ),
    ),
    "FT-IMAGE-01": Message(
        es=Text(
            what="«{image}» no es el nombre de una imagen (entorno «{environment}»).",
            why="va en minúsculas y sin espacios ni https://, con su versión al final.",
            do="escribilo así: registro.example.com/equipo/flujo:1.4.0",
        ),
        en=Text(
            what="{image!r} is not the name of an image (environment {environment!r}).",
            why="it is in lower case, without blanks or https://, with its version at the end.",
            do="write it like this: registry.example.com/team/flow:1.4.0",
        ),
    ),
    "FT-IMAGE-02": Message(
        es=Text(
            what="La imagen «{image}» no dice su versión (entorno «{environment}»).",
            why="lo que corre hoy puede no ser lo que corra mañana, y una máquina que ya la tiene no trae la nueva.",
            do="agregale una versión propia de cada construcción, por ejemplo :1.4.0.",
        ),
        en=Text(
            what="The image {image!r} does not say its version (environment {environment!r}).",
            why="what runs today may not be what runs tomorrow, and a machine that has it does not fetch the new one.",
            do="add a version of each build's own, such as :1.4.0.",
        ),
    ),
    "FT-BLOCK-01": Message(
        es=Text(
            what="El bloque «{name}», de tipo {type}, no existe en el servidor (entorno «{environment}»).",
            why="el worker lo lee al empezar cada ejecución; sin él no puede ni traer el código.",
            do="crealo en la interfaz de Prefect (Blocks), o con: uv run python -c \"from getpass import getpass; from prefect.blocks.system import Secret; Secret(value=getpass()).save('{name}')\"",
        ),
        en=Text(
            what="The block {name!r}, of type {type}, does not exist on the server (environment {environment!r}).",
            why="the worker reads it at the start of each run; without it, it cannot even fetch the code.",
            do="create it in Prefect's UI (Blocks), or with: uv run python -c \"from getpass import getpass; from prefect.blocks.system import Secret; Secret(value=getpass()).save('{name}')\"",
        ),
    ),
    "FT-BLOCK-02": Message(
        es=Text(
            what="La variable «{variable}» no existe en el servidor (entorno «{environment}»).",
            why="el worker la lee al empezar cada ejecución.",
            do="creala con: prefect variable set {variable} VALOR",
        ),
        en=Text(
            what="The variable {variable!r} does not exist on the server (environment {environment!r}).",
            why="the worker reads it at the start of each run.",
            do="create it with: prefect variable set {variable} VALUE",
        ),
    ),
    "FT-ENV-01": Message(
        es=Text(
            what="La variable de entorno {variable} de «{environment}» es {value!r}, que no es un texto.",
            why="las variables de entorno son textos; otro valor se rechaza en el worker.",
            do="escribila entre comillas en deploy.py.",
        ),
        en=Text(
            what="The environment variable {variable} of {environment!r} is {value!r}, which is not text.",
            why="environment variables are text; the worker refuses anything else.",
            do="write it in quotes in deploy.py.",
        ),
    ),
    "FT-ENV-02": Message(
        es=Text(
            what="{variable}, de «{environment}», parece un secreto escrito en deploy.py.",
            why="quedaría en el repositorio, en el registro del despliegue y a la vista en la interfaz.",
            do="guardalo en un bloque Secret y escribí: {{{{ prefect.blocks.secret.NOMBRE }}}}",
        ),
        en=Text(
            what="{variable}, of {environment!r}, looks like a secret written in deploy.py.",
            why="it would stay in the repository and in the deployment's record, and be shown in the UI.",
            do="store it in a Secret block and write: {{{{ prefect.blocks.secret.NAME }}}}",
        ),
    ),
    "FT-ENV-03": Message(
        es=Text(
            what="«{environment}» define {variable} en env.",
            why="reemplaza el PATH del worker entero, y uv y git dejan de encontrarse.",
            do="quitala; poné lo que falte en el PATH del servicio del worker.",
        ),
        en=Text(
            what="{environment!r} sets {variable} in env.",
            why="it replaces the worker's PATH as a whole, and uv and git are no longer found.",
            do="remove it; put what is missing on the PATH of the worker's service.",
        ),
    ),
    "FT-ENV-04": Message(
        es=Text(
            what="«{environment}» define «{variable}» en job_variables.",
            why="command anula el entorno propio de cada ejecución; env e image se escriben en su propio campo.",
            do='quitala; las variables de entorno van en env={{...}} y la imagen en image="...".',
        ),
        en=Text(
            what="{environment!r} sets {variable!r} in job_variables.",
            why="command bypasses each run's own environment; env and image have fields of their own.",
            do='remove it; environment variables go in env={{...}} and the image in image="...".',
        ),
    ),
    "FT-ENV-05": Message(
        es=Text(
            what="concurrency_limit es {limit} en «{environment}».",
            why="con menos de 1 ninguna ejecución empezaría.",
            do="poné 1 o más, o None para no limitar.",
        ),
        en=Text(
            what="concurrency_limit is {limit} in {environment!r}.",
            why="with less than 1 no run would start.",
            do="set 1 or more, or None for no limit.",
        ),
    ),
    "FT-ENV-06": Message(
        es=Text(
            what="collision es «{collision}» en «{environment}».",
            why="Prefect conoce ENQUEUE (esperar el turno) y CANCEL_NEW (cancelar la nueva).",
            do="usá uno de los dos.",
        ),
        en=Text(
            what="collision is {collision!r} in {environment!r}.",
            why="Prefect knows ENQUEUE (wait for its turn) and CANCEL_NEW (cancel the new one).",
            do="use one of them.",
        ),
    ),
    "FT-PARAM-01": Message(
        es=Text(
            what="El flujo «{flow}» no tiene un parámetro «{parameter}»; tiene: {known}. ¿Quisiste decir {near}?",
            why="el servidor acepta nombres desconocidos, y cada ejecución se cae al empezar.",
            do="corregí parameters en deploy.py.",
        ),
        en=Text(
            what="The flow {flow!r} has no parameter {parameter!r}; it has: {known}. Did you mean {near}?",
            why="the server takes unknown names, and each run crashes at its start.",
            do="correct parameters in deploy.py.",
        ),
    ),
    "FT-PARAM-02": Message(
        es=Text(
            what="Los parámetros de «{flow}» en «{environment}» no son de los tipos de su firma: {reason}",
            why="cada ejecución se caería al empezar.",
            do="corregí el valor en deploy.py o en la línea de comandos.",
        ),
        en=Text(
            what="The parameters of {flow!r} in {environment!r} are not of the types of its signature: {reason}",
            why="each run would crash at its start.",
            do="correct the value in deploy.py or on the command line.",
        ),
    ),
    "FT-PARAM-03": Message(
        es=Text(
            what="«{environment}» tiene una programación y no da valor a: {parameters}.",
            why="nadie está para darlos cuando corre sola.",
            do="poné esos valores en parameters={{...}}, o un valor por defecto en el flujo.",
        ),
        en=Text(
            what="{environment!r} has a schedule and gives no value to: {parameters}.",
            why="nobody is there to give them when it runs by itself.",
            do="set them in parameters={{...}}, or a default in the flow.",
        ),
    ),
    "FT-PARAM-04": Message(
        es=Text(
            what="Los parámetros de «{environment}» no se pueden guardar como JSON: {reason}.",
            why="el servidor guarda los parámetros como JSON.",
            do="usá textos, números, fechas, listas o diccionarios.",
        ),
        en=Text(
            what="The parameters of {environment!r} cannot be stored as JSON: {reason}.",
            why="the server stores parameters as JSON.",
            do="use text, numbers, dates, lists or dictionaries.",
        ),
    ),
    "FT-SOURCE-01": Message(
        es=Text(
            what="La carpeta del código, «{path}», no es una ruta absoluta.",
            why="se busca en la máquina del worker, desde una carpeta que nadie elige.",
            do="escribila entera en deploy.py: C:/flujos/ventas-diarias o /srv/flows/ventas-diarias.",
        ),
        en=Text(
            what="The code's folder, {path!r}, is no absolute path.",
            why="it is looked up on the worker's machine, from a folder that nobody chooses.",
            do="write all of it in deploy.py: C:/code/daily-sales or /srv/flows/daily-sales.",
        ),
    ),
    "FT-SOURCE-02": Message(
        es=Text(
            what="La dirección {url} tiene un usuario o un token escrito en deploy.py.",
            why="quedaría en el repositorio, en el registro del despliegue y en los logs.",
            do="quitalo de la dirección, revocá ese token y guardá uno nuevo en el bloque de credentials_block.",
        ),
        en=Text(
            what="The address {url} has a user or a token written in deploy.py.",
            why="it would stay in the repository, in the deployment's record and in logs.",
            do="remove it from the address, revoke that token and store a new one in the block of credentials_block.",
        ),
    ),
    "FT-SOURCE-03": Message(
        es=Text(
            what="La dirección «{url}» tiene caracteres que no van en la de un repositorio.",
            why="el worker la pasa a git en su línea de comandos.",
            do="corregila en deploy.py: sin espacios ni comillas.",
        ),
        en=Text(
            what="The address {url!r} has characters that do not belong in a repository's.",
            why="the worker gives it to git on its command line.",
            do="correct it in deploy.py: no blanks, no quotes.",
        ),
    ),
    "FT-SOURCE-04": Message(
        es=Text(
            what="«{branch}» no es un nombre de rama.",
            why="el worker lo pasa a git en su línea de comandos.",
            do="corregí branch en deploy.py.",
        ),
        en=Text(
            what="{branch!r} is no name of a branch.",
            why="the worker gives it to git on its command line.",
            do="correct branch in deploy.py.",
        ),
    ),
    "FT-SOURCE-05": Message(
        es=Text(
            what="El commit «{commit}» no es un SHA completo.",
            why="uno abreviado puede ser otro mañana; el completo tiene 40 dígitos hexadecimales.",
            do="copialo de: git rev-parse {commit}",
        ),
        en=Text(
            what="The commit {commit!r} is no full SHA.",
            why="a short one may be another tomorrow; the full one has 40 hexadecimal digits.",
            do="copy it from: git rev-parse {commit}",
        ),
    ),
    "FT-GIT-01": Message(
        es=Text(
            what="git no está en el PATH de esta máquina.",
            why="sin git no se puede saber si el código de aquí es el que correrá el worker.",
            do="instalalo (https://git-scm.com/downloads) y abrí otra terminal.",
        ),
        en=Text(
            what="git is not on this machine's PATH.",
            why="without it nobody can tell whether the code here is the one that the worker will run.",
            do="install it (https://git-scm.com/downloads) and open another terminal.",
        ),
    ),
    "FT-GIT-02": Message(
        es=Text(
            what="{folder} no es un repositorio de git con al menos un commit.",
            why="deploy.py dice que el código viene de git.",
            do='ejecutá: git init && git add -A && git commit -m "Primera versión", y subilo; o usá FolderSource.',
        ),
        en=Text(
            what="{folder} is no git repository with at least one commit.",
            why="deploy.py says that the code comes from git.",
            do='run: git init && git add -A && git commit -m "First version", and push it; or use FolderSource.',
        ),
    ),
    "FT-GIT-03": Message(
        es=Text(
            what="{folder} es la carpeta {prefix} de un repositorio más grande.",
            why="el worker clona el repositorio entero y busca el flujo en su raíz.",
            do="dale al flujo un repositorio propio.",
        ),
        en=Text(
            what="{folder} is the folder {prefix} of a larger repository.",
            why="the worker clones the whole repository and looks for the flow at its root.",
            do="give the flow a repository of its own.",
        ),
    ),
    "FT-GIT-04": Message(
        es=Text(
            what="Archivos con cambios sin confirmar ({count}): {files}.",
            why="el worker corre lo que está en git, no lo que está en esta carpeta.",
            do="confirmalos y subilos: git add -A && git commit && git push; o descartalos.",
        ),
        en=Text(
            what="Files with uncommitted changes ({count}): {files}.",
            why="the worker runs what is in git, not what is in this folder.",
            do="commit and push them: git add -A && git commit && git push; or discard them.",
        ),
    ),
    "FT-GIT-05": Message(
        es=Text(
            what="Ningún remoto de esta carpeta es {url}; son: {remotes}.",
            why="lo que subas iría a otro repositorio que el que clona el worker.",
            do="corregí SOURCE en deploy.py, o agregá el remoto: git remote add origin {url}",
        ),
        en=Text(
            what="No remote of this folder is {url}; they are: {remotes}.",
            why="what you push would go to another repository than the one that the worker clones.",
            do="correct SOURCE in deploy.py, or add the remote: git remote add origin {url}",
        ),
    ),
    "FT-GIT-06": Message(
        es=Text(
            what="No se pudo leer el repositorio {url}: {reason}.",
            why="sin leerlo no se puede saber si el código de aquí está allá.",
            do="probá: git ls-remote {url}. Si pide una clave, configurala; si el repositorio no existe, crealo.",
        ),
        en=Text(
            what="The repository {url} cannot be read: {reason}.",
            why="without reading it nobody can tell whether the code here is there.",
            do="try: git ls-remote {url}. If it asks for a password, set it up; if the repository does not exist, create it.",
        ),
    ),
    "FT-GIT-07": Message(
        es=Text(
            what="La rama «{branch}» no existe en {url}; hay: {branches}.",
            why="el worker no podría clonarla.",
            do="subila con git push -u origin {branch}, o corregí branch en deploy.py.",
        ),
        en=Text(
            what="The branch {branch!r} does not exist at {url}; there are: {branches}.",
            why="the worker could not clone it.",
            do="push it with git push -u origin {branch}, or correct branch in deploy.py.",
        ),
    ),
    "FT-GIT-08": Message(
        es=Text(
            what="El commit {here} no está subido: {branch} está en {there} en {url}.",
            why="el worker correría el código anterior.",
            do="subilo con: git push {remote} HEAD:{branch}",
        ),
        en=Text(
            what="The commit {here} is not pushed: {branch} is at {there} at {url}.",
            why="the worker would run the code before it.",
            do="push it with: git push {remote} HEAD:{branch}",
        ),
    ),
    "FT-GIT-09": Message(
        es=Text(
            what="Esta carpeta está en {here} y {branch} está en {there} en {url}, con commits que aquí faltan.",
            why="el worker correría otro código que el que se verificó aquí.",
            do="actualizá la carpeta con git pull {remote} {branch} y repetí el comando.",
        ),
        en=Text(
            what="This folder is at {here} and {branch} is at {there} at {url}, with commits that are missing here.",
            why="the worker would run other code than the one that was checked here.",
            do="update the folder with git pull {remote} {branch} and repeat the command.",
        ),
    ),
    "FT-GIT-10": Message(
        es=Text(
            what="El commit fijado, {commit}, no está en ninguna rama del repositorio remoto.",
            why="el worker no podría traerlo.",
            do="subilo, traé las novedades con git fetch, o corregí commit en deploy.py.",
        ),
        en=Text(
            what="The pinned commit, {commit}, is on no branch of the remote repository.",
            why="the worker could not fetch it.",
            do="push it, get the news with git fetch, or correct commit in deploy.py.",
        ),
    ),
    "FT-GIT-11": Message(
        es=Text(
            what="El código de esta carpeta no es el del commit fijado, {commit}.",
            why="los parámetros se verifican con el código de aquí, y correría otro.",
            do="traé ese código con: git checkout {commit} -- src pyproject.toml; o fijá el commit actual.",
        ),
        en=Text(
            what="The code of this folder is not that of the pinned commit, {commit}.",
            why="parameters are checked with the code here, and another would run.",
            do="get that code with: git checkout {commit} -- src pyproject.toml; or pin the current commit.",
        ),
    ),
    "FT-GIT-12": Message(
        es=Text(
            what="git no guarda {files}.",
            why="está en .gitignore, así que no llega al worker.",
            do="agregalo con: git add -f {files}",
        ),
        en=Text(
            what="git does not keep {files}.",
            why="it is in .gitignore, so that it does not reach the worker.",
            do="add it with: git add -f {files}",
        ),
    ),
    # --- watchdog
    "FT-WATCHDOG-01": Message(
        es=Text(
            what="El límite «{limit}» del watchdog es {value!r}, y el mínimo es {shortest}.",
            why="Prefect no vigila plazos más cortos, y un latido puede perderse sin que la ejecución esté caída.",
            do="poné en deploy.py un timedelta de {shortest} o más, por ejemplo Limits({limit}=timedelta(hours=2)).",
        ),
        en=Text(
            what="The watchdog's limit {limit!r} is {value!r}; the minimum is {shortest}.",
            why="Prefect watches no shorter times, and one heartbeat may be lost without the run being dead.",
            do="set a timedelta of {shortest} or more in deploy.py, such as Limits({limit}=timedelta(hours=2)).",
        ),
    ),
    "FT-WATCHDOG-02": Message(
        es=Text(
            what="El timeout del flujo es de {timeout} s y el watchdog cancela a las {limit}.",
            why="el timeout del flujo debe llegar antes: deja que las tareas cierren lo suyo y el estado dice TimedOut; "
            "el watchdog solo mata el proceso.",
            do="bajá timeout_seconds en @flow, o subí Limits(running=...) en deploy.py.",
        ),
        en=Text(
            what="The flow's timeout is {timeout} s and the watchdog cancels after {limit}.",
            why="the flow's own timeout must come first: tasks can clean up and the state says TimedOut; "
            "the watchdog only kills the process.",
            do="lower timeout_seconds in @flow, or raise Limits(running=...) in deploy.py.",
        ),
    ),
    "FT-WATCHDOG-03": Message(
        es=Text(
            what="«{block}» no nombra un bloque de notificaciones.",
            why="Prefect identifica un bloque por su tipo y su nombre, separados por una barra.",
            do='escribí Notification(block="slack-webhook/operaciones") en deploy.py, con el tipo y el nombre del bloque.',
        ),
        en=Text(
            what="{block!r} does not name a notification block.",
            why="Prefect knows a block by its type and its name, with a slash between them.",
            do='write Notification(block="slack-webhook/operations") in deploy.py, with the block\'s type and name.',
        ),
    ),
    "FT-WATCHDOG-04": Message(
        es=Text(
            what="El bloque «{block}» no existe en {server}.",
            why="sin él no llegaría ningún aviso cuando una ejecución falla o el watchdog la cancela.",
            do="crealo en la interfaz de Prefect, Blocks > +, tipo {type}, nombre {name}; o quitá la notificación de deploy.py.",
        ),
        en=Text(
            what="The block {block!r} does not exist on {server}.",
            why="without it nobody would hear of a run that failed or that the watchdog cancelled.",
            do="create it in Prefect's UI, Blocks > +, type {type}, name {name}; or drop the notification from deploy.py.",
        ),
    ),
    "FT-WATCHDOG-05": Message(
        es=Text(
            what="El bloque «{block}» no sirve para notificar.",
            why="las automatizaciones de Prefect avisan solo por bloques de notificación o por el bloque webhook.",
            do="nombrá en deploy.py un bloque de tipo webhook, custom-webhook, slack-webhook, ms-teams-webhook o sendgrid-email.",
        ),
        en=Text(
            what="The block {block!r} cannot send notifications.",
            why="Prefect's automations notify only through notification blocks or the webhook block.",
            do="name a block of type webhook, custom-webhook, slack-webhook, ms-teams-webhook or sendgrid-email in deploy.py.",
        ),
    ),
    "FT-WATCHDOG-06": Message(
        es=Text(
            what="El servidor {server} no permite automatizaciones (respuesta {status}).",
            why="el watchdog son automatizaciones de Prefect: sin ellas nadie cancelaría una ejecución trabada.",
            do="desplegá el flujo de mantenimiento, que aplica las mismas reglas cada 30 minutos: ver flow_ops/maintenance.py.",
        ),
        en=Text(
            what="The server {server} does not allow automations (answer {status}).",
            why="the watchdog is made of Prefect automations: without them nobody would cancel a stuck run.",
            do="deploy the maintenance flow, which applies the same rules every 30 minutes: see flow_ops/maintenance.py.",
        ),
    ),
    # --- diagnose
    "FT-DIAGNOSE-01": Message(
        es=Text(
            what="El worker de {host} tiene problemas: {problems}.",
            why="los flujos fallarían ahí, o escribirían mal los acentos, o el watchdog los daría por caídos.",
            do="corregí el servicio del worker; el informe completo está en el log y en el artifact «diagnose».",
        ),
        en=Text(
            what="The worker on {host} has problems: {problems}.",
            why="flows would fail there, or write accents wrongly, or be taken for dead by the watchdog.",
            do="mend the worker's service; the whole report is in the log and in the artifact 'diagnose'.",
        ),
    ),
    # --- worker service
    "FT-SERVICE-01": Message(
        es=Text(
            what="El nombre de work pool «{pool}» no sirve para un servicio.",
            why="pasa a ser parte de un servicio, una carpeta y una línea de comandos: solo letras sin acento, números, y - _ . entre ellos.",
            do="revisá el nombre con: uv run prefect work-pool ls",
        ),
        en=Text(
            what="The work pool name {pool!r} cannot be used for a service.",
            why="it becomes part of a service, a folder and a command line: only plain letters, digits, and - _ . between them.",
            do="look the name up with: uv run prefect work-pool ls",
        ),
    ),
    "FT-SERVICE-02": Message(
        es=Text(
            what="No se sabe a qué servidor de Prefect tiene que conectarse el worker.",
            why="PREFECT_API_URL no está en el entorno ni en el perfil activo de Prefect; un servicio no puede usar un servidor temporal.",
            do="repetí el comando con --api-url http://SERVIDOR:4200/api",
        ),
        en=Text(
            what="It is not known which Prefect server the worker must connect to.",
            why="PREFECT_API_URL is neither in the environment nor in the active Prefect profile; a service cannot use a temporary server.",
            do="run the command again with --api-url http://SERVER:4200/api",
        ),
    ),
    "FT-SERVICE-03": Message(
        es=Text(
            what="«{url}» no es una dirección de servidor que se pueda guardar en un servicio.",
            why="tiene que ser http:// o https:// con un nombre de máquina y sin usuario ni contraseña, porque cualquiera puede leer la configuración del servicio.",
            do="usá una dirección como http://SERVIDOR:4200/api; las credenciales van en un archivo, con --credentials.",
        ),
        en=Text(
            what="{url!r} is not a server address that can be kept in a service.",
            why="it must be http:// or https:// with a host and without user or password, because anybody can read a service's settings.",
            do="use an address like http://SERVER:4200/api; credentials go into a file, with --credentials.",
        ),
    ),
    "FT-SERVICE-04": Message(
        es=Text(
            what="El servidor de Prefect en {url} no respondió como se esperaba: {problem}",
            why="sin él no se puede comprobar que el work pool exista, y el worker no tendría de dónde tomar corridas.",
            do="abrí {url}/health en esta máquina; si el servidor pide credenciales, indicá el archivo con --credentials.",
        ),
        en=Text(
            what="The Prefect server at {url} did not answer as expected: {problem}",
            why="without it nobody can tell whether the work pool exists, and the worker would have nowhere to take runs from.",
            do="open {url}/health on this machine; if the server asks for credentials, name their file with --credentials.",
        ),
    ),
    "FT-SERVICE-05": Message(
        es=Text(
            what="El work pool «{pool}» no existe en {url}.",
            why="un worker con el nombre mal escrito queda esperando corridas que nunca llegan. Los que existen: {pools}",
            do="corregí --pool, o creá el work pool con: uv run prefect work-pool create {pool} --type process",
        ),
        en=Text(
            what="The work pool {pool!r} does not exist at {url}.",
            why="a worker with a misspelt name waits for runs that never come. Those that exist: {pools}",
            do="correct --pool, or create the work pool with: uv run prefect work-pool create {pool} --type process",
        ),
    ),
    "FT-SERVICE-06": Message(
        es=Text(
            what="El work pool «{pool}» es de tipo «{type}», no «process».",
            why="el servicio ejecuta los flujos como procesos de esta máquina.",
            do="elegí un work pool de tipo process, o usá el worker propio de «{type}».",
        ),
        en=Text(
            what="The work pool {pool!r} is of type {type!r}, not 'process'.",
            why="the service runs flows as processes of this machine.",
            do="choose a work pool of type process, or use the worker made for {type!r}.",
        ),
    ),
    "FT-SERVICE-07": Message(
        es=Text(
            what="No se encontró nssm («{nssm}»).",
            why="en Windows es el programa que convierte al worker en un servicio.",
            do="instalalo (por ejemplo: winget install NSSM.NSSM), o indicá dónde está con --nssm C:\\ruta\\nssm.exe",
        ),
        en=Text(
            what="nssm was not found ({nssm!r}).",
            why="on Windows it is the program that makes the worker a service.",
            do="install it (for example: winget install NSSM.NSSM), or say where it is with --nssm C:\\path\\nssm.exe",
        ),
    ),
    "FT-SERVICE-08": Message(
        es=Text(
            what="systemd no está funcionando en esta máquina, así que no se puede instalar {service}.",
            why="en Linux es quien arranca el worker con la máquina, lo reinicia y lo detiene con tiempo.",
            do="hacelo en una máquina con systemd; en un contenedor, ejecutá el comando ExecStart que muestra «print» como proceso principal.",
        ),
        en=Text(
            what="systemd is not running on this machine, so {service} cannot be installed.",
            why="on Linux it starts the worker with the machine, restarts it, and stops it with time to drain.",
            do="do it on a machine with systemd; in a container, run the ExecStart command that `print` shows as the main process.",
        ),
    ),
    "FT-SERVICE-09": Message(
        es=Text(
            what="Faltan permisos de administrador para cambiar el servicio {service}.",
            why="un servicio del sistema cambia la configuración de toda la máquina.",
            do="en Windows, abrí la terminal con «Ejecutar como administrador»; en Linux, usá sudo, o --scope user para un servicio de tu usuario.",
        ),
        en=Text(
            what="Administrator rights are needed to change the service {service}.",
            why="a service of the system changes the settings of the whole machine.",
            do='on Windows, open the terminal with "Run as administrator"; on Linux, use sudo, or --scope user for a service of your own.',
        ),
    ),
    "FT-SERVICE-10": Message(
        es=Text(
            what="No se encontró uv.",
            why="arma el entorno propio del worker, y después el de cada flujo.",
            do="instalalo (https://docs.astral.sh/uv/) y abrí una terminal nueva.",
        ),
        en=Text(
            what="uv was not found.",
            why="it makes the worker's own environment, and later that of each flow.",
            do="install it (https://docs.astral.sh/uv/) and open a new terminal.",
        ),
    ),
    "FT-SERVICE-11": Message(
        es=Text(
            what="La cuenta «{account}» necesita una contraseña.",
            why="este comando no recibe contraseñas: quedarían a la vista en la línea de comandos.",
            do="usá la cuenta propia del servicio (sin --account) o una cuenta administrada (DOMINIO\\nombre$); o instalá así y después cambiá la cuenta de {service} en services.msc.",
        ),
        en=Text(
            what="The account {account!r} needs a password.",
            why="this command takes no passwords: they would be in sight on the command line.",
            do="use the service's own account (without --account) or a managed one (DOMAIN\\name$); or install it so, then change the account of {service} in services.msc.",
        ),
    ),
    "FT-SERVICE-12": Message(
        es=Text(
            what="La cuenta «{account}» no existe en esta máquina.",
            why="el worker no debe ejecutar flujos como root.",
            do="creala con: sudo useradd --system --create-home --shell /usr/sbin/nologin {account} - o indicá otra con --account",
        ),
        en=Text(
            what="The account {account!r} does not exist on this machine.",
            why="the worker must not run flows as root.",
            do="create it with: sudo useradd --system --create-home --shell /usr/sbin/nologin {account} - or name another with --account",
        ),
    ),
    "FT-SERVICE-13": Message(
        es=Text(
            what="La carpeta {folder} ya tiene archivos y no es de un servicio instalado por este comando.",
            why="al desinstalar, la carpeta del servicio se borra entera.",
            do="indicá una carpeta nueva o vacía con --home",
        ),
        en=Text(
            what="The folder {folder} already has files and does not belong to a service that this command installed.",
            why="uninstalling removes the service's folder whole.",
            do="name a new or an empty folder with --home",
        ),
    ),
    "FT-SERVICE-14": Message(
        es=Text(
            what="No se pudo completar un paso de {service}:\n    {step}\n    {output}",
            why="el servicio no quedó como debería; si era nuevo, se deshizo lo hecho.",
            do="resolvé lo que dice el mensaje y repetí el comando: se puede ejecutar las veces que haga falta.",
        ),
        en=Text(
            what="A step of {service} could not be completed:\n    {step}\n    {output}",
            why="the service is not as it should be; if it was new, what had been done was taken back.",
            do="mend what the message says and run the command again: it may be run any number of times.",
        ),
    ),
    "FT-SERVICE-15": Message(
        es=Text(
            what="El servicio {service} no está instalado en esta máquina.",
            why="no hay nada de qué informar.",
            do="instalalo con: uv run python -m flow_ops.worker.service install --pool {pool} (y si es de tu usuario, agregá --scope user)",
        ),
        en=Text(
            what="The service {service} is not installed on this machine.",
            why="there is nothing to report on.",
            do="install it with: uv run python -m flow_ops.worker.service install --pool {pool} (and if it is your own, add --scope user)",
        ),
    ),
    "FT-SERVICE-16": Message(
        es=Text(
            what="No se puede usar el archivo de credenciales {file}: {problem}",
            why="el servicio lo lee al arrancar: una línea NOMBRE=valor por variable, en un archivo que nadie más puede leer.",
            do="corregí el archivo y repetí el comando.",
        ),
        en=Text(
            what="The credentials file {file} cannot be used: {problem}",
            why="the service reads it when it starts: one line NAME=value for each variable, in a file that nobody else can read.",
            do="correct the file and run the command again.",
        ),
    ),
    "FT-SERVICE-17": Message(
        es=Text(
            what="{program}, que usaría el servicio, está en la carpeta personal de quien instala.",
            why="la cuenta del servicio, «{account}», no puede leerlo, y el servicio no arrancaría.",
            do="usá uno instalado para toda la máquina: indicá su ruta con --python (o con --nssm).",
        ),
        en=Text(
            what="{program}, which the service would use, is in the personal folder of whoever installs.",
            why="the service's account, {account!r}, cannot read it, and the service would not start.",
            do="use one that is installed for the whole machine: name its path with --python (or --nssm).",
        ),
    ),
    "FT-SERVICE-18": Message(
        es=Text(
            what="El puerto {port} de 127.0.0.1 ya está en uso.",
            why="ahí responde el control de salud del worker.",
            do="elegí otro con --health-port",
        ),
        en=Text(
            what="Port {port} of 127.0.0.1 is already in use.",
            why="the worker's health check answers there.",
            do="choose another with --health-port",
        ),
    ),
    "FT-SERVICE-19": Message(
        es=Text(
            what="La carpeta «{folder}» no sirve para un servicio.",
            why="tiene que ser una ruta absoluta, sin comillas ni barras invertidas en Linux, y sin % en Windows.",
            do="indicá otra con --home",
        ),
        en=Text(
            what="The folder {folder} cannot be used for a service.",
            why="it must be an absolute path, without quotes or backslashes on Linux, and without % on Windows.",
            do="name another with --home",
        ),
    ),
    # --- testing
    "FT-TEST-01": Message(
        es=Text(
            what="Una prueba quiso hablar con un servidor de Prefect en «{host}», que no es este equipo.",
            why="las pruebas crean y borran ejecuciones: en un servidor de verdad tocarían el trabajo de otros.",
            do="pedí el fixture prefect_server, que arranca un servidor propio, y sacá la dirección de la prueba.",
        ),
        en=Text(
            what="A test called a Prefect server at {host!r}, which is not this machine.",
            why="tests create and delete runs: on a real server they would touch the work of others.",
            do="ask for the prefect_server fixture, which starts a server of its own; take the address out of the test.",
        ),
    ),
    "FT-TEST-02": Message(
        es=Text(
            what="«{test}» llama a un flujo o a una tarea, y no pidió un servidor.",
            why="Prefect registra cada ejecución en un servidor; las pruebas arrancan uno solo cuando se lo pide.",
            do="agregá el fixture prefect_server, o llamá a la función sola con .fn(...), que no usa servidor.",
        ),
        en=Text(
            what="{test!r} calls a flow or a task, and asked for no server.",
            why="Prefect records every run on a server; tests start one only where it is asked for.",
            do="add the prefect_server fixture, or call the plain function with .fn(...), which needs no server.",
        ),
    ),
    "FT-TEST-03": Message(
        es=Text(
            what="El servidor rápido de las pruebas no arrancó: {reason}",
            why="depende de detalles de Prefect; las pruebas siguen con el de Prefect, que tarda más del doble.",
            do="si se repite, actualizá la plantilla (uvx cruft update) o avisale a quien la mantiene.",
        ),
        en=Text(
            what="The quick server of the tests did not start: {reason}",
            why="it relies on details of Prefect; the tests go on with Prefect's own, which takes over twice as long.",
            do="if it happens again, update the template (uvx cruft update) or tell whoever keeps it.",
        ),
    ),
    "FT-TEST-04": Message(
        es=Text(
            what="Algo importó Prefect antes que el plugin flow_ops.testing.",
            why="Prefect ya leyó el perfil y las direcciones de esta persona: las pruebas podrían tocar un servidor real.",
            do='dejá pytest_plugins = ["flow_ops.testing"] como primera línea de tests/conftest.py y sacá los plugins que importan Prefect.',
        ),
        en=Text(
            what="Something imported Prefect before the plugin flow_ops.testing.",
            why="Prefect has read this person's profile and addresses: the tests could touch a real server.",
            do='keep pytest_plugins = ["flow_ops.testing"] as the first line of tests/conftest.py and remove plugins that import Prefect.',
        ),
    ),
    "FT-TEST-05": Message(
        es=Text(
            what="El worker del pool «{work_pool}» no terminó bien en {seconds} s (salida {status}).\n{output}",
            why="sin un worker que termine, las ejecuciones encoladas no se pueden comprobar.",
            do="leé su salida, acá arriba; si el flujo tarda más, pasale seconds= a run_worker_once.",
        ),
        en=Text(
            what="The worker of pool {work_pool!r} did not end well within {seconds} s (exit status {status}).\n{output}",
            why="without a worker that ends, the queued runs cannot be checked.",
            do="read its output, above; if the flow takes longer, give run_worker_once more seconds=.",
        ),
    ),
    "FT-TEST-06": Message(
        es=Text(
            what="La excepción «{rule}» de [tool.flow-ops.exceptions] no dice por qué, o no es el nombre de una regla.",
            why="una excepción sin motivo nadie la puede revisar, y una con otro nombre no exceptúa nada.",
            do='escribí en pyproject.toml: {rule} = "motivo". Las reglas: {known}.',
        ),
        en=Text(
            what="The exception {rule!r} of [tool.flow-ops.exceptions] gives no reason, or is no rule's name.",
            why="nobody can review an exception without a reason, and one by another name excepts nothing.",
            do='write in pyproject.toml: {rule} = "reason". The rules: {known}.',
        ),
    ),
    "FT-TEST-07": Message(
        es=Text(
            what="A la prueba de punta a punta le faltan valores para los parámetros de «{flow}»: {parameters}.",
            why="no usa los valores de producción de deploy.py, para no tocar lo que nombran.",
            do="dáselos en tests/conftest.py, en el fixture e2e_values: EndToEndValues(parameters={{...}}).",
        ),
        en=Text(
            what="The end-to-end test has no values for the parameters of {flow!r}: {parameters}.",
            why="it does not use deploy.py's values for production, so as not to touch what they name.",
            do="give them in tests/conftest.py, in the fixture e2e_values: EndToEndValues(parameters={{...}}).",
        ),
    ),
    "FT-TEST-08": Message(
        es=Text(
            what="La prueba de punta a punta no usó valores que deploy.py tiene para «{environment}»: {values}.",
            why="podrían nombrar bases y servidores de producción; si el flujo los necesita, falla sin ellos.",
            do="dale valores de prueba en tests/conftest.py, en el fixture e2e_values: EndToEndValues(env={{...}}).",
        ),
        en=Text(
            what="The end-to-end test did not use values that deploy.py has for {environment!r}: {values}.",
            why="they may name databases and servers of production; a flow that needs them fails without them.",
            do="give it values of its own in tests/conftest.py, in the fixture e2e_values: EndToEndValues(env={{...}}).",
        ),
    ),
    "FT-RULE-01": Message(
        es=Text(
            what="Los nombres no coinciden:{places}",
            why="Prefect, git, el paquete y el comando se encuentran por nombre: uno distinto es un flujo que nadie halla.",
            do="poné en cada lugar el valor de la derecha; todos salen del nombre del repositorio.",
        ),
        en=Text(
            what="The names disagree:{places}",
            why="Prefect, git, the package and the command find each other by name: another one is a flow that nobody finds.",
            do="write the value on the right in each place; all of them follow from the repository's name.",
        ),
    ),
    "FT-RULE-02": Message(
        es=Text(
            what="Un entrypoint no se carga con los archivos versionados solos:{places}",
            why="el worker clona el repositorio en una carpeta vacía: lo que git no sigue no está ahí.",
            do="agregá a git el archivo que falta (git status), o corregí el import o el entrypoint de deploy.py.",
        ),
        en=Text(
            what="An entrypoint does not load from the tracked files alone:{places}",
            why="a worker clones the repository into an empty folder: what git does not track is not there.",
            do="add the missing file to git (git status), or mend the import or the entrypoint in deploy.py.",
        ),
    ),
    "FT-RULE-03": Message(
        es=Text(
            what="Estos flujos no tienen timeout_seconds:{places}",
            why="un flujo sin límite que se cuelga ocupa el worker para siempre.",
            do="poné timeout_seconds= (en segundos) en su @flow, con holgura sobre la corrida más larga.",
        ),
        en=Text(
            what="These flows have no timeout_seconds:{places}",
            why="a flow without a limit that hangs holds its worker for ever.",
            do="give their @flow a timeout_seconds= (seconds), well above the longest run.",
        ),
    ),
    "FT-RULE-04": Message(
        es=Text(
            what="Estos flujos no tienen descripción:{places}",
            why="es lo que lee en Prefect quien atiende una falla a la noche.",
            do="poné description= en su @flow, o un docstring en la función.",
        ),
        en=Text(
            what="These flows have no description:{places}",
            why="it is what the person who answers a failure at night reads in Prefect.",
            do="give their @flow a description=, or the function a docstring.",
        ),
    ),
    "FT-RULE-05": Message(
        es=Text(
            what="Estos despliegues no dicen de quién son:{places}",
            why="sin etiqueta area: u owner: nadie sabe a quién avisar.",
            do='completá area en [tool.flow-ops] de pyproject.toml, o poné tags=("owner:equipo",) en deploy.py.',
        ),
        en=Text(
            what="These deployments do not say whose they are:{places}",
            why="without an area: or owner: tag nobody knows whom to tell.",
            do='fill in area in [tool.flow-ops] of pyproject.toml, or write tags=("owner:team",) in deploy.py.',
        ),
    ),
    "FT-RULE-06": Message(
        es=Text(
            what="Quedan futuros sin resolver:{places}",
            why="una tarea enviada cuyo resultado nadie pide puede fallar y el flujo termina igual en Completed; wait() no alcanza.",
            do="guardá el futuro y pedile .result(), o devolvelo desde el flujo.",
        ),
        en=Text(
            what="Futures are left unresolved:{places}",
            why="a submitted task whose result nobody asks for may fail, and the flow is Completed all the same; wait() is not enough.",
            do="keep the future and ask for its .result(), or return it from the flow.",
        ),
    ),
    "FT-RULE-07": Message(
        es=Text(
            what="Se leen bloques o Variables al importar:{places}",
            why="importar el módulo (al probar, al desplegar) llamaría al servidor, y el valor quedaría viejo.",
            do="leelos dentro de un flujo o de una tarea, con flow_ops.secrets.",
        ),
        en=Text(
            what="Blocks or Variables are read at import:{places}",
            why="importing the module (to test, to deploy) would call the server, and the value would grow old.",
            do="read them inside a flow or a task, with flow_ops.secrets.",
        ),
    ),
    "FT-RULE-08": Message(
        es=Text(
            what="Hay fechas sin zona horaria:{places}",
            why="dependen del reloj del equipo: el worker en UTC y la PC dan días distintos.",
            do="usá datetime.now(project.current().zone), y su .date() para el día de hoy.",
        ),
        en=Text(
            what="There are times without a zone:{places}",
            why="they follow the machine's clock: a worker on UTC and a desktop disagree on the day.",
            do="use datetime.now(project.current().zone), and its .date() for today.",
        ),
    ),
    "FT-RULE-09": Message(
        es=Text(
            what="Hay rutas relativas:{places}",
            why="cada corrida empieza en una carpeta temporal: lo que se escribe ahí se pierde y lo que se lee no está.",
            do="partí de Path(__file__).parent para lo que viene con el código; para lo demás, de un parámetro con la ruta absoluta.",
        ),
        en=Text(
            what="There are relative paths:{places}",
            why="each run begins in a temporary folder: what is written there is lost, what is read is not there.",
            do="start from Path(__file__).parent for what comes with the code; for the rest, from a parameter with the absolute path.",
        ),
    ),
    "FT-RULE-10": Message(
        es=Text(
            what="Los horarios o la zona horaria no sirven:{places}",
            why="una corrida a otra hora, o ninguna, no avisa.",
            do="seguí lo que dice cada línea; los dos están en deploy.py.",
        ),
        en=Text(
            what="Schedules or the time zone are not right:{places}",
            why="a run at another hour, or none, tells nobody.",
            do="do what each line says; both are in deploy.py.",
        ),
    ),
    "FT-RULE-11": Message(
        es=Text(
            what="El pool no es el del entorno:{places}",
            why="una prueba en el pool de producción toca datos de verdad, y producción en otro pool no corre.",
            do="poné en deploy.py el pool que termina en el nombre del entorno.",
        ),
        en=Text(
            what="The pool is not the environment's:{places}",
            why="a trial in the production pool touches real data, and production in another pool does not run.",
            do="write the pool that ends in the environment's name in deploy.py.",
        ),
    ),
    "FT-RULE-12": Message(
        es=Text(
            what="Los parámetros no coinciden con la firma del flujo:{places}",
            why="Prefect acepta nombres de más y cada corrida falla al empezar.",
            do="seguí lo que dice cada línea; están en deploy.py.",
        ),
        en=Text(
            what="Parameters do not match the flow's signature:{places}",
            why="Prefect takes unknown names, and every run fails as it begins.",
            do="do what each line says; they are in deploy.py.",
        ),
    ),
    "FT-RULE-13": Message(
        es=Text(
            what="La fuente, el entorno o los límites de un despliegue no sirven:{places}",
            why="deploy.py apply los rechazaría.",
            do="seguí lo que dice cada línea; están en deploy.py.",
        ),
        en=Text(
            what="The source, environment or limits of a deployment are not right:{places}",
            why="deploy.py apply would refuse them.",
            do="do what each line says; they are in deploy.py.",
        ),
    ),
    "FT-RULE-14": Message(
        es=Text(
            what="deploy.py hace algo al importarse:{places}",
            why="las pruebas y los comandos lo importan solo para leer sus valores.",
            do='mové lo que actúa debajo de if __name__ == "__main__".',
        ),
        en=Text(
            what="deploy.py does something when it is imported:{places}",
            why="tests and commands import it for its values alone.",
            do='move what acts below if __name__ == "__main__".',
        ),
    ),
    "FT-RULE-15": Message(
        es=Text(
            what="Faltan dependencias, o sus límites dejan entrar versiones que no andan:{places}",
            why="con ellas el servidor no arranca, o no crea ninguna corrida y no avisa.",
            do="recuperá la línea de pyproject.toml: git log -p -- pyproject.toml. Su comentario dice qué se rompe.",
        ),
        en=Text(
            what="Dependencies are missing, or their bounds let in versions that do not work:{places}",
            why="with them the server does not start, or creates no run and tells nobody.",
            do="restore the line of pyproject.toml: git log -p -- pyproject.toml. Its comment says what breaks.",
        ),
    ),
    # --- updates
    "FT-UPDATE-01": Message(
        es=Text(
            what="Archivos del template cambiados o borrados en este repositorio: {files}.",
            why="son los mismos en todos los repositorios y una actualización los reemplaza enteros: el cambio se perdería.",
            do="avisá a quienes mantienen el template si el cambio sirve a todos, y volvé atrás con: "
            "uv run python -m flow_ops.updates restore; o hacelo propio: agregalo a skip en [tool.cruft] de pyproject.toml.",
        ),
        en=Text(
            what="Files of the template were changed or deleted in this repository: {files}.",
            why="they are the same in every repository and an update replaces them whole: the change would be lost.",
            do="report a change that would serve everyone to the template's maintainers, and undo it with: "
            "uv run python -m flow_ops.updates restore; or own the file: add it to skip in [tool.cruft] of pyproject.toml.",
        ),
    ),
    "FT-UPDATE-02": Message(
        es=Text(
            what="No se pudo leer {address}: {problem}.",
            why="las versiones del template son las etiquetas de su repositorio git.",
            do="revisá la red y los permisos con: git ls-remote --tags {address}",
        ),
        en=Text(
            what="{address} could not be read: {problem}.",
            why="the template's versions are the tags of its git repository.",
            do="check network and permissions with: git ls-remote --tags {address}",
        ),
    ),
    "FT-UPDATE-03": Message(
        es=Text(
            what="{file} no existe o no se puede leer: no se sabe de qué template salió este repositorio.",
            why="un template en un zip o una carpeta sin git no tiene commit con el que comparar.",
            do="enlazalo una vez, con la dirección git del template y las mismas respuestas: "
            "uvx cruft link --checkout v{version} DIRECCIÓN",
        ),
        en=Text(
            what="{file} does not exist or cannot be read: which template made this repository is not known.",
            why="a template in a zip or in a folder without git has no commit to compare with.",
            do="link it once, with the template's git address and the same answers: "
            "uvx cruft link --checkout v{version} ADDRESS",
        ),
    ),
    "FT-UPDATE-04": Message(
        es=Text(
            what="{file} no existe o no se puede leer.",
            why="ahí está la huella de cada archivo del template: sin ella no se sabe si alguno cambió.",
            do="recuperalo con git checkout -- {file}; falta también si se generó con --accept-hooks no: volvé a generar sin eso.",
        ),
        en=Text(
            what="{file} does not exist or cannot be read.",
            why="it has the hash of each of the template's files: without it nobody knows whether one was changed.",
            do="bring it back with git checkout -- {file}; generating with --accept-hooks no leaves it out too: generate without that.",
        ),
    ),
    "FT-UPDATE-05": Message(
        es=Text(
            what="{command} no terminó bien: {problem}.",
            why="cruft actualiza solo un repositorio sin cambios pendientes y necesita llegar al template; su propio mensaje está arriba.",
            do="guardá los cambios con git commit, revisá la red y volvé a ejecutar el mismo comando.",
        ),
        en=Text(
            what="{command} did not succeed: {problem}.",
            why="cruft updates only a repository without pending changes, and has to reach the template; its own message is above.",
            do="commit your changes, check the network and run the same command again.",
        ),
    ),
    "FT-UPDATE-06": Message(
        es=Text(
            what="La actualización dejó conflictos en: {files}.",
            why="el template y el equipo cambiaron las mismas líneas; cruft termina con éxito igual.",
            do="resolvé las marcas <<<<<<< (o los archivos .rej), ejecutá las pruebas y hacé el commit; "
            "para abandonar la actualización: git reset --hard && git clean -f '*.rej'",
        ),
        en=Text(
            what="The update left conflicts in: {files}.",
            why="the template and the team changed the same lines; cruft reports success all the same.",
            do="resolve the marks <<<<<<< (or the .rej files), run the tests and commit; "
            "to give the update up: git reset --hard && git clean -f '*.rej'",
        ),
    ),
    "FT-UPDATE-07": Message(
        es=Text(
            what="Este repositorio fue generado por la versión {made} del template; la última es {latest}.",
            why="las versiones nuevas traen correcciones para el mismo Prefect que usa el equipo.",
            do="leé qué cambia en el CHANGELOG del template y traelo con: uv run python -m flow_ops.updates apply",
        ),
        en=Text(
            what="This repository was generated by version {made} of the template; the latest is {latest}.",
            why="newer versions bring corrections for the same Prefect that the team uses.",
            do="read what changes in the template's CHANGELOG and bring it with: uv run python -m flow_ops.updates apply",
        ),
    ),
    # --- a second flow
    "FT-NEW-01": Message(
        es=Text(
            what="«{name}» no sirve como nombre de un flujo: {problem}.",
            why="el mismo nombre es flujo, despliegue, comando, módulo y función; en todos tiene que valer.",
            do="usá de 3 a 40 minúsculas, números y guiones, empezando por una letra, como stock-nocturno.",
        ),
        en=Text(
            what="{name!r} cannot be a flow's name: {problem}.",
            why="the same name is flow, deployment, command, module and function; it has to hold in all of them.",
            do="use 3 to 40 small letters, digits and hyphens, with a letter first, such as nightly-stock.",
        ),
    ),
    "FT-NEW-02": Message(
        es=Text(
            what="Ya existe {place}.",
            why="un flujo nuevo nunca pisa lo que está.",
            do="elegí otro nombre, o borrá antes lo anterior.",
        ),
        en=Text(
            what="{place} exists already.",
            why="a new flow never overwrites what is there.",
            do="choose another name, or remove the old one first.",
        ),
    ),
    "FT-NEW-03": Message(
        es=Text(
            what="No se reconoce dónde agregar el flujo en {file}: falta {place}.",
            why="el comando agrega una línea y no adivina en un archivo que cambió de forma; no se tocó nada.",
            do="volvé a esa forma, o agregá a mano: {lines}",
        ),
        en=Text(
            what="The place for the flow in {file} is not recognised: {place} is missing.",
            why="the command adds a line and does not guess in a file of another shape; nothing was touched.",
            do="restore that shape, or add by hand: {lines}",
        ),
    ),
}
