# The worker of insightctl's PowerShell transport.
#
# It reads requests from standard input, one JSON object per line, runs one cmdlet for each, and writes one answer per
# line to standard output. It decides nothing: what to read and what to write is decided by insightctl, which starts
# this script and ends it by closing standard input.
#
# Nothing of a request ever becomes a part of a command. Parameters arrive as data and are handed to the cmdlets as a
# table (splatting), so that an apostrophe, a dollar sign or a backtick in a name is only a character. Only the four
# cmdlets below are run, each named in full where it is called.
#
# Standard input is read as a stream. The automatic variable that holds piped input is not used anywhere here: its mere
# name in a script makes PowerShell read all of standard input before the first line runs.

# This script runs in the global scope, of which modules inherit: what is set here holds for Microsoft's module too. Our
# own strictness is therefore set in a function, whose scope no module sees.

# What would be printed for a person is of no use here, and would stand between the answers.
$ProgressPreference = 'SilentlyContinue'
$WarningPreference = 'SilentlyContinue'
$InformationPreference = 'SilentlyContinue'
$VerbosePreference = 'SilentlyContinue'

# The version of what is said between insightctl and this script.
$Protocol = 1
$Module = 'ExchangeOnlineManagement'
# The first version that has the cmdlets for the tenant's defaults outside of a preview.
$Oldest = [version]'3.2.0'
$Cmdlets = @(
    'Get-MyAnalyticsFeatureConfig'
    'Set-MyAnalyticsFeatureConfig'
    'Get-DefaultTenantMyAnalyticsFeatureConfig'
    'Set-DefaultTenantMyAnalyticsFeatureConfig'
)
$Parameters = @('Identity', 'PrivacyMode', 'Feature', 'IsEnabled', 'SamplingRate')

# The console's own encodings depend on the machine; these streams do not.
$Utf8 = [System.Text.UTF8Encoding]::new($false)
$Requests = [System.IO.StreamReader]::new([Console]::OpenStandardInput(), $Utf8)
$Answers = [System.IO.StreamWriter]::new([Console]::OpenStandardOutput(), $Utf8)
$Answers.NewLine = "`n"
$Answers.AutoFlush = $true

# Begins every answer. The first request tells it; nobody else knows it, so nothing else can look like an answer.
$Mark = ''
$Connected = $false

# Writes one answer.
function Write-Answer([hashtable] $Answer) {
    $json = ConvertTo-Json -InputObject $Answer -Depth 6 -Compress
    $script:Answers.WriteLine($script:Mark + ' ' + $json)
}

# Turns an object into a plain table of texts, numbers and switches.
function ConvertTo-Table($Object) {
    $table = @{}
    foreach ($property in $Object.PSObject.Properties) {
        $value = $property.Value
        if ($null -eq $value -or $value -is [bool] -or $value -is [string] -or $value -is [double]) {
            $table[$property.Name] = $value
        } else {
            $table[$property.Name] = [string] $value
        }
    }
    return $table
}

# Tells what went wrong, as facts; insightctl judges them.
function ConvertTo-Failure([System.Management.Automation.ErrorRecord] $Record) {
    $failure = @{
        type             = $Record.Exception.GetType().FullName
        message          = $Record.Exception.Message
        category         = [string] $Record.CategoryInfo.Category
        fullyQualifiedId = $Record.FullyQualifiedErrorId
    }
    if ($null -ne $Record.ErrorDetails) {
        $failure.body = $Record.ErrorDetails.Message
    }
    # Where an exception carries an HTTP answer, its status says more than its words. Which of the module's exceptions
    # do is not documented, so every one in the chain is looked at.
    $exception = $Record.Exception
    while ($null -ne $exception) {
        $status = $exception.PSObject.Properties['StatusCode']
        $response = $exception.PSObject.Properties['Response']
        try {
            if ($null -ne $response -and $null -ne $response.Value) {
                $failure.status = [int] $response.Value.StatusCode
                $failure.retryAfter = [string] $response.Value.Headers.RetryAfter
            } elseif ($null -ne $status -and $null -ne $status.Value) {
                $failure.status = [int] $status.Value
            }
        } catch {
            # It was no such answer.
            $failure.unreadable = $true
        }
        $exception = $exception.InnerException
    }
    return $failure
}

# Loads the module, and tells what there is.
function Open-Module($Request) {
    $script:Mark = $Request.mark
    if ($Request.protocol -ne $Protocol) {
        throw [System.NotSupportedException]::new('this script speaks another version')
    }
    $found = Get-Module -ListAvailable -Name $Module | Sort-Object -Property Version -Descending
    $newest = $found | Select-Object -First 1
    $hello = @{
        protocol   = $Protocol
        powershell = [string] $PSVersionTable.PSVersion
        module     = $null
        oldest     = [string] $Oldest
    }
    if ($null -ne $newest) {
        $hello.module = [string] $newest.Version
        if ($newest.Version -ge $Oldest) {
            Import-Module -Name $Module -MinimumVersion $Oldest -ErrorAction Stop
            foreach ($cmdlet in $Cmdlets) {
                $null = Get-Command -Name $cmdlet -ErrorAction Stop
            }
        }
    }
    return $hello
}

# Connects to Exchange Online with a token that insightctl obtained.
function Connect-Service($Request) {
    if ($script:Connected) {
        $script:Connected = $false
        Disconnect-ExchangeOnline -Confirm:$false -ErrorAction Stop
    }
    $arguments = @{
        AccessToken           = $Request.token
        ShowBanner            = $false
        SkipLoadingFormatData = $true
        ErrorAction           = 'Stop'
    }
    # An application's token goes with the organisation, a person's with their name.
    if ($null -ne $Request.PSObject.Properties['user']) {
        $arguments.UserPrincipalName = $Request.user
    } else {
        $arguments.Organization = $Request.organization
    }
    if ($null -ne $Request.PSObject.Properties['environment']) {
        $arguments.ExchangeEnvironmentName = $Request.environment
    }
    try {
        # Loading nothing else makes connecting quicker, and keeps it from growing each time.
        $null = Connect-ExchangeOnline @arguments -CommandName $Cmdlets
    } catch {
        # The four come with the module itself; a version that finds none of them at the service connects without a list.
        # Its words for that are not documented: these are reported. All else (a token, a throttle) is told as it is.
        if ($_.Exception.Message -notmatch 'CommandName|No cmdlet assigned to the user') {
            throw
        }
        Disconnect-ExchangeOnline -Confirm:$false -ErrorAction Stop
        $null = Connect-ExchangeOnline @arguments
    }
    $script:Connected = $true
}

# Runs one cmdlet with parameters that are data.
function Invoke-Setting($Request) {
    $splat = @{ ErrorAction = 'Stop' }
    foreach ($property in $Request.parameters.PSObject.Properties) {
        if (-not ($Parameters -ccontains $property.Name)) {
            throw [System.ArgumentException]::new('there is no such parameter')
        }
        $splat[$property.Name] = $property.Value
    }
    switch -CaseSensitive ($Request.cmdlet) {
        'Get-MyAnalyticsFeatureConfig' { Get-MyAnalyticsFeatureConfig @splat }
        'Set-MyAnalyticsFeatureConfig' { Set-MyAnalyticsFeatureConfig @splat }
        'Get-DefaultTenantMyAnalyticsFeatureConfig' { Get-DefaultTenantMyAnalyticsFeatureConfig @splat }
        'Set-DefaultTenantMyAnalyticsFeatureConfig' { Set-DefaultTenantMyAnalyticsFeatureConfig @splat }
        default { throw [System.ArgumentException]::new('there is no such cmdlet') }
    }
}

# Answers requests until there are no more.
function Read-Request {
    Set-StrictMode -Version 3.0
    $ErrorActionPreference = 'Stop'
    try {
        while ($null -ne ($line = $Requests.ReadLine())) {
            $id = 0
            try {
                $request = ConvertFrom-Json -InputObject $line
                $id = $request.id
                $value = $null
                switch -CaseSensitive ($request.do) {
                    'hello' { $value = Open-Module $request }
                    'connect' { Connect-Service $request }
                    'run' {
                        $objects = @(Invoke-Setting $request)
                        $value = @(foreach ($object in $objects) { ConvertTo-Table $object })
                    }
                    default { throw [System.ArgumentException]::new('there is no such order') }
                }
                Write-Answer @{ id = $id; ok = $true; value = $value }
            } catch {
                Write-Answer @{ id = $id; ok = $false; error = (ConvertTo-Failure $_) }
            }
        }
    } finally {
        if ($Connected) {
            Disconnect-ExchangeOnline -Confirm:$false
        }
    }
}

Read-Request
