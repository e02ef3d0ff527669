//! Is what PowerShell and modules print beside what they are asked for.

/// Comes before an answer, and ends in the middle of its line.
pub(super) const BEFORE: &str = "\u{feff}\r\n\
    #< CLIXML\r\n\
    <Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\"><Obj S=\"progress\" RefId=\"0\">\
    <TN RefId=\"0\"><T>System.Management.Automation.PSCustomObject</T></TN></Obj></Objs>\r\n\
    WARNING: Your connection has been redirected to the following URI: {\"id\":1,\"ok\":true,\"value\":[]}\r\n\
    \n\
    Processing 40 % ";

/// Comes behind an answer, before its line ends.
pub(super) const AFTER: &str =
    " WARNING: The command completed successfully but no settings have been modified.\r\n\r\n";

/// Goes to standard error.
pub(super) const ERRORS: &str =
    "#< CLIXML\r\n<Objs Version=\"1.1.0.1\"><S S=\"Error\">tput: unknown terminal_x000A_</S></Objs>\r\n";
