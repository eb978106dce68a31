import Core
import Files
import Intake

extension Site {
    /// The name of a job's folder in `jobs/`, from what a person typed: the name, or a path that leads there.
    func jobName(_ text: String) throws(EngineError) -> String {
        let name = text.split(separator: "/").last.map(String.init) ?? ""
        guard !name.isEmpty else { throw EngineError(.usage, "no job is named") }
        guard text.contains("/") else { return name }
        do {
            let named = try Directory(path: text).status()
            guard let ours = try jobs().status(of: name), ours.isSameFile(as: named) else {
                throw EngineError(
                    .usage,
                    "\(text) is not in this site's jobs/",
                    fix: "move the folder there, or name its site with --site"
                )
            }
            return name
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(.usage, "\(error)")
        }
    }

    /// Opens a job's folder by what a person typed.
    func jobFolder(_ text: String) throws(EngineError) -> JobFolder {
        let name = try jobName(text)
        let jobs = try jobs()
        do {
            return try JobFolder(name, in: jobs)
        } catch {
            throw EngineError(.jobRefused, [error])
        }
    }
}
